"""Inputs: samples by the name of their input, held constant or varying in time."""

import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnconv.errors import InputError
from snnconv.graph import Add, Dense, Input, Inputs, SpikingGraph
from snnconv.graph.inputs import has_steps, one_or_all

N_STEPS = 6


def two_inputs() -> SpikingGraph:
    """Image (2, 3) and vector (4,), each through a dense layer, and their sum."""
    rng = np.random.default_rng(0)
    nodes = (
        Input(name="image", shape=(2, 3)),
        Input(name="vector", shape=(4,)),
        Dense(name="a", inputs=("image",), shape=(2, 4), kernel=rng.normal(size=(3, 4))),
        Add(name="sum", inputs=("a", "vector"), shape=(2, 4)),
    )
    return SpikingGraph(nodes, {"y": "sum"})


def samples(n=5) -> dict[str, np.ndarray]:
    """The image varies in time, the vector is held."""
    rng = np.random.default_rng(1)
    return {"image": rng.normal(size=(n, N_STEPS, 2, 3)), "vector": rng.normal(size=(n, 4))}


@pytest.fixture
def inputs() -> Inputs:
    return two_inputs().check_inputs(samples(), "float64", N_STEPS)


def test_inputs_are_a_mapping_of_name_to_array(inputs):
    assert list(inputs) == ["image", "vector"]
    assert len(inputs) == 2
    assert "image" in inputs
    assert "other" not in inputs
    assert {name: array.shape for name, array in inputs.items()} == {"image": (5, N_STEPS, 2, 3), "vector": (5, 4)}
    np.testing.assert_array_equal({**inputs}["vector"], samples()["vector"])
    with pytest.raises(KeyError, match="other"):
        inputs["other"]


def test_inputs_are_inputs_again(inputs):
    again = two_inputs().check_inputs(inputs, "float32", N_STEPS)
    assert again["image"].dtype == "float32"
    np.testing.assert_allclose(again["image"], inputs["image"], rtol=1e-7)  # float32 has 24 bits


def test_inputs_are_frozen_and_can_be_stored(inputs):
    with pytest.raises(dataclasses.FrozenInstanceError):
        inputs.arrays = {}
    stored = pickle.loads(pickle.dumps(inputs))
    np.testing.assert_array_equal(stored["image"], inputs["image"])
    assert stored.varying == inputs.varying


def test_what_varies_is_told_from_what_is_held(inputs):
    assert inputs.n == 5
    assert inputs.n_steps == N_STEPS
    assert inputs.varying == {"image"}
    assert inputs.varies("image")
    assert not inputs.varies("vector")
    held = inputs.means()
    assert held.varying == frozenset()
    assert held.n_steps is None
    assert repr(inputs) == "<inputs of 5 samples: {'image': (5, 6, 2, 3), 'vector': (5, 4)}>"


def test_means_are_over_time(inputs):
    np.testing.assert_array_equal(inputs.means()["image"], inputs["image"].mean(1))
    assert inputs.means()["vector"] is inputs["vector"]


@given(n=st.integers(1, 12), size=st.integers(1, 14))
def test_parts_are_all_samples_in_order(n, size):
    whole = two_inputs().check_inputs(samples(n), "float64", N_STEPS)
    parts = list(whole.parts(size))
    assert [part.n for part in parts] == [size] * (n // size) + [n % size] * bool(n % size)
    for name in whole:
        np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), whole[name])


def test_steps_are_cut_where_an_input_varies(inputs):
    first, rest = inputs.during(slice(2)), inputs.during(slice(2, None))
    assert (first.n_steps, rest.n_steps) == (2, N_STEPS - 2)
    np.testing.assert_array_equal(np.concatenate([first["image"], rest["image"]], 1), inputs["image"])
    assert first["vector"] is inputs["vector"]


def test_a_step_is_of_every_input(inputs):
    for step in range(N_STEPS):
        values = inputs.at(step)
        np.testing.assert_array_equal(values["image"], inputs["image"][:, step])
        np.testing.assert_array_equal(values["vector"], inputs["vector"])


def test_held_inputs_are_repeated_over_time(inputs):
    every = inputs.over_time(N_STEPS)
    assert every.varying == {"image", "vector"}
    for step in range(N_STEPS):
        np.testing.assert_array_equal(every["vector"][:, step], inputs["vector"])
    np.testing.assert_array_equal(every["image"], inputs["image"])


def test_the_inputs_of_a_part_of_the_graph(inputs):
    assert list(inputs.only(["vector"])) == ["vector"]
    assert inputs.only(["vector"]).n_steps is None


def test_an_axis_of_steps_is_counted_against_the_shape():
    assert has_steps(np.zeros((5, 3, 4)), (4,))
    assert not has_steps(np.zeros((5, 3, 4)), (3, 4))
    assert has_steps(np.zeros((5, 3)), ())
    assert not has_steps(np.zeros(5), ())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": np.zeros((5, 7, 2, 3))}, r"'image' must have shape \(n, 2, 3\) or \(n, 6, 2, 3\). Received \(5, 7"),
        ({"vector": np.zeros((4, 4))}, "same number of samples. Received {'image': 5, 'vector': 4}"),
        ({"vector": np.full((5, 4), np.nan)}, "'vector' holds NaN"),
        ({"vector": [["a"] * 4] * 5}, r"'vector' must be an array of numbers of shape \(n, 4\). Received list"),
        ({"vector": np.zeros((5, 4), "complex64")}, r"of shape \(n, 4\). Received complex64"),
        ({"image": np.zeros((0, 2, 3)), "vector": np.zeros((0, 4))}, "'image' holds no samples"),
        ({"more": np.zeros((5, 1))}, "inputs must be named"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        two_inputs().check_inputs({**samples(), **change}, "float64", N_STEPS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_finite_values_that_are_too_large_are_not_called_infinite(dtype):
    with pytest.raises(InputError, match="'vector' holds values .*Scale it as in training; values up to 1e.12"):
        two_inputs().check_inputs({**samples(), "vector": np.full((5, 4), 1e40)}, dtype, N_STEPS)


def test_one_output_stands_for_itself():
    assert one_or_all({"y": 1}) == 1
    assert one_or_all({"y": 1, "z": 2}) == {"y": 1, "z": 2}
