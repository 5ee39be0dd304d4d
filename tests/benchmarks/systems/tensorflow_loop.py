"""The baseline: what one writes in TensorFlow first, a compiled loop with all layers in each step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from ..works import DT, TAU_RC, TAU_REF, Work
from .linear_layers import product


def build(work: Work) -> Callable[[], np.ndarray]:
    """A `tf.function` over a batch; the first layer's product is taken once."""
    *hidden, last = work.layers

    @tf.function(autograph=False)
    def run(x: Any) -> Any:
        first = product(hidden[0], x) + hidden[0].bias
        states = [(tf.zeros((x.shape[0], *shape)),) * 2 for shape in work.shapes[:-1]]

        def step(number: Any, states: Any, outputs: Any) -> Any:
            spikes, new = first, []
            for k in range(len(hidden)):
                current = first if k == 0 else product(hidden[k], spikes) + hidden[k].bias
                spikes, state = _lif(current, *states[k])
                new.append(state)
            return number + 1, new, outputs.write(number, product(last, spikes) + last.bias)

        outputs = tf.TensorArray(tf.float32, work.n_steps)
        start = [tf.constant(0), states, outputs]
        *_, outputs = tf.while_loop(lambda number, *_: number < work.n_steps, step, start)
        return tf.transpose(outputs.stack(), (1, 0, 2))

    return work.runner(lambda x: run(x).numpy(), tf.constant)


def _lif(current: Any, voltage: Any, refractory: Any) -> tuple[Any, tuple[Any, Any]]:
    """One step; `refractory` is the time in seconds until the neuron takes input again."""
    refractory = refractory - DT
    free = tf.clip_by_value(DT - refractory, 0.0, DT)
    voltage = voltage - (current - voltage) * tf.math.expm1(-free / TAU_RC)
    spiked = voltage > 1
    share = tf.where(spiked, (voltage - 1) / tf.where(spiked, current - 1, 1.0), 0.0)
    refractory = tf.where(spiked, TAU_REF + DT + TAU_RC * tf.math.log1p(-share), refractory)
    voltage = tf.where(spiked, 0.0, tf.maximum(voltage, 0.0))
    return tf.cast(spiked, tf.float32), (voltage, refractory)
