"""Products of two tensors that an equation names: those of NumPy, as one product of matrices where they are one."""

import numpy as np
import pytest
import tensorflow as tf

from snnconv.neurons import numpy_ops
from snnconv.runtime import tensorflow_ops

SIZES = {"n": 3, "a": 2, "i": 4, "j": 5, "k": 6, "l": 7}
PRODUCTS = ("nij,njk->nik", "nij,njk->nki", "nji,nkj->nik", "njai,nkai->nakj", "naij,njak->niak")
OTHERS = ("ni,nj->nij", "nij,nij->n", "nij,nij->nji", "naij,nijk->nak", "nij,njk->ni", "nij,nj->ni", "nail,nlij->naj")


@pytest.mark.parametrize("equation", PRODUCTS + OTHERS)
def test_einsum_is_that_of_numpy(equation):
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=[SIZES[label] for label in labels]) for labels in equation.split("->")[0].split(","))
    found = tensorflow_ops.einsum(equation, tf.constant(x), tf.constant(y))
    np.testing.assert_allclose(found, numpy_ops.einsum(equation, x, y), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("equation", PRODUCTS)
def test_products_of_matrices_move_no_large_result(equation):
    """TensorFlow's own einsum took four times as long for the scores of attention."""
    x, y = (tf.zeros([SIZES[label] for label in labels]) for labels in equation.split("->")[0].split(","))
    graph = tf.function(lambda: tensorflow_ops.einsum(equation, x, y)).get_concrete_function().graph
    kinds = [operation.type for operation in graph.get_operations()]
    assert "Einsum" not in kinds
    assert kinds.count("BatchMatMulV2") == 1
