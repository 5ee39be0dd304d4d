"""Arguments of a run: each is checked once, with one message."""

import numpy as np
import pytest

from snnconv.errors import InputError, ParameterError
from snnconv.runtime.arguments import (
    check_dtype,
    check_precision,
    check_state,
    check_steps,
    initial_voltages,
    recording,
)

from .test_result import network


def test_numbers_of_steps_are_whole():
    assert check_steps(np.int64(3), 0.001) == 3
    for bad in (0, -1, 1.5, True, "3", None):
        with pytest.raises(ParameterError, match="n_steps must be a whole number above 0"):
            check_steps(bad, 0.001)
    for bad in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ParameterError, match="dt must be above 0 seconds"):
            check_steps(1, bad)


def test_types():
    check_dtype("float64")
    check_precision("bfloat16", "float32")
    with pytest.raises(ParameterError, match="dtype must be 'float32' or 'float64'"):
        check_dtype("float16")
    with pytest.raises(ParameterError, match="precision must be one of 'float32', 'tensorfloat32', 'bfloat16'"):
        check_precision("float8", "float32")
    with pytest.raises(ParameterError, match="precision 'bfloat16' is for dtype 'float32'"):
        check_precision("bfloat16", "float64")


@pytest.mark.parametrize(
    ("record", "spikes", "rates"),
    [((), (), ()), ("all", ("lif",), ("lif",)), ("lif.rates", (), ("lif",)), (["all.spikes"], ("lif",), ())],
)
def test_records_by_name(record, spikes, rates):
    found = recording(network(), record)
    assert (found["spikes"], found["rates"]) == (spikes, rates)


def test_records_of_nothing_that_is_there():
    with pytest.raises(InputError, match="cannot record 'lif.currents'"):
        recording(network(), "lif.currents")


def test_initial_voltages_are_those_of_the_seed():
    first, again, other = (initial_voltages(network(), "uniform", seed)["lif"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (5,)
    assert (first != other).any()
    assert initial_voltages(network(), 0.25, None) == {"lif": 0.25}
    with pytest.raises(ParameterError, match="initial_voltage must be 'uniform' or a number up to 1"):
        initial_voltages(network(), 1.5, None)


def test_a_state_of_other_samples():
    graph = network()
    with pytest.raises(InputError, match="state lacks node 'lif'"):
        check_state([graph["lif"]], {}, 3)
    with pytest.raises(InputError, match=r"must have shape \(3, 5\) for these 3 samples. Received \(2, 5\)"):
        check_state([graph["lif"]], {"lif": {"voltage": np.zeros((2, 5))}}, 3)
