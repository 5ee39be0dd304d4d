"""Functions of many operations on each element, compiled to one program forward and one backward under TensorFlow.

TensorFlow runs one operation after the other, each through memory, and keeps what lies between them for the way back. A
step of neurons has dozens, and takes most of the time of a training. XLA makes one loop of them; its backward program
computes the step again, which costs less than to keep it. JAX and PyTorch have compilers of their own for all of a
model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras


def fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, compiled where the backend is TensorFlow.

    Parameters
    ----------
    function : function of nested tensors that gives nested tensors
        All that gradients go to must be among its arguments.
    """
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    compiled = tf.function(function, jit_compile=True, autograph=False)

    @tf.function(jit_compile=True, autograph=False)
    def backward(arguments: Any, upstream: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            values = tf.nest.flatten(function(*arguments))
        wanted, none = tf.nest.flatten(arguments), tf.UnconnectedGradients.ZERO
        return tape.gradient(values, wanted, output_gradients=upstream, unconnected_gradients=none)

    @tf.custom_gradient
    def called(*arguments: Any) -> Any:
        return compiled(*arguments), lambda *upstream: backward(arguments, list(upstream))

    return called
