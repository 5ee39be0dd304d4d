"""Array namespaces with sparse and with rounded products."""

import numpy as np
import pytest
import tensorflow as tf

from snnconv.runtime import tensorflow_ops
from snnconv.runtime.compiled.products import BFLOAT16, SPARSE


@pytest.mark.parametrize("name", tensorflow_ops.__all__)
def test_all_but_the_products_are_those_of_tensorflow_ops(name):
    for xp, products in ((SPARSE, ("matmul",)), (BFLOAT16, ("matmul", "conv", "conv_transpose"))):
        assert (getattr(xp, name) is getattr(tensorflow_ops, name)) == (name not in products)


def in_bfloat16(array: np.ndarray) -> np.ndarray:
    return tf.cast(tf.cast(array, tf.bfloat16), array.dtype).numpy()


@pytest.mark.parametrize("name", ["matmul", "conv", "conv_transpose"])
def test_products_of_rounded_numbers(name):
    """Each is the product of what was rounded to 8 bits, itself rounded to 8 bits, in the type of the values."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 6, 3)).astype("float32")
    kernel = rng.normal(size={"matmul": (3, 4)}.get(name, (2, 3, 4))).astype("float32")
    options = {"matmul": (), "conv": ((1,), ((0, 0),), (1,), 1), "conv_transpose": ((1,), ((0, 0),), (1,))}[name]
    rounded = getattr(BFLOAT16, name)(tf.constant(x), tf.constant(kernel), *options)
    of = getattr(tensorflow_ops, name)
    x, kernel = in_bfloat16(x), in_bfloat16(kernel)
    exact = of(tf.constant(x), tf.constant(kernel), *options)
    assert rounded.dtype == tf.float32
    # a bfloat16 is within 2^-9 of a number; on some processors the sums of up to 6 terms are rounded at each term
    sizes = of(tf.constant(np.abs(x)), tf.constant(np.abs(kernel)), *options)
    np.testing.assert_array_less(np.abs(rounded - exact), 6 * 2**-9 * sizes.numpy())
    np.testing.assert_array_equal(rounded, in_bfloat16(rounded.numpy()))
