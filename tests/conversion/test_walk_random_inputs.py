"""Random samples: the same draws wherever they are needed, whether the graph or Keras says their shapes."""

import keras
import numpy as np
import pytest
from keras import layers as kl
from snnconv.verification import random_inputs as few_inputs

import snnconv
from snnconv.conversion.trace import random_inputs
from snnconv.graph.inputs import random_samples


@pytest.fixture(scope="module")
def model():
    numbers, pixels = keras.Input((4,), name="numbers"), keras.Input((2, 3), dtype="uint8", name="pixels")
    flat = kl.Flatten()(kl.Rescaling(1 / 255)(pixels))
    return keras.Model([numbers, pixels], kl.Dense(3)(kl.Concatenate()([numbers, flat])))


def test_a_graph_draws_its_inputs_one_after_another(model):
    graph = snnconv.convert(model, verbose=False)
    rng = np.random.default_rng(7)
    expected = {"numbers": rng.random((5, 4)), "pixels": rng.random((5, 2, 3))}
    found = graph.random_inputs(5, 7)
    assert list(found) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
    for name, array in few_inputs(graph, 7).items():
        np.testing.assert_array_equal(array, graph.random_inputs(8, 7)[name])


def test_a_model_gets_integers_where_it_takes_them(model):
    found = random_inputs(model, 5, 7)
    rng = np.random.default_rng(7)
    np.testing.assert_array_equal(found["numbers"], rng.random((5, 4), "float32"))
    np.testing.assert_array_equal(found["pixels"], rng.integers(0, 256, (5, 2, 3)))
    assert found["numbers"].dtype == "float32"


def test_samples_depend_on_the_seed_and_on_their_number_alone():
    shapes = {"a": (3,), "b": (2, 2)}
    first, again, other = random_samples(shapes, 4, 1), random_samples(shapes, 4, 1), random_samples(shapes, 4, 2)
    for name, shape in shapes.items():
        assert first[name].shape == (4, *shape)
        np.testing.assert_array_equal(first[name], again[name])
        assert not np.array_equal(first[name], other[name])
        assert 0 <= first[name].min() <= first[name].max() < 1
