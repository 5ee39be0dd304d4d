"""Steps one at a time: they add up to a run, and compile once."""

import numpy as np
import pytest

import snnconv
from snnconv.errors import InputError, ParameterError

# One step per call


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_steps_add_up_to_a_run(cnn, images, dtype):
    simulator = snnconv.Simulator(cnn, dtype=dtype)
    x = np.random.default_rng(0).uniform(0, 3, (2, 30, 12, 12, 2))
    expected = simulator.run(x, 30)
    outputs = np.stack([simulator.step(x[:, step]) for step in range(30)], 1)
    np.testing.assert_allclose(outputs, expected.output, atol=1e-5 if dtype == "float32" else 1e-11)
    later = simulator.run(images[:2], 20, state=simulator.state)
    whole = simulator.run(np.concatenate([x, np.repeat(images[:2, None], 20, 1)], 1), 50)
    np.testing.assert_allclose(later.output, whole.output[:, 30:], atol=1e-5 if dtype == "float32" else 1e-11)


def test_steps_compile_once_and_start_anew_after_reset(cnn, images):
    simulator = snnconv.Simulator(cnn, initial_voltage="uniform", seed=1)
    with pytest.raises(ParameterError, match="no state before the first step"):
        simulator.state  # noqa: B018
    first = [simulator.step(images) for _ in range(10)]
    with pytest.raises(InputError, match="goes on with 5 samples. Received 2"):
        simulator.step(images[:2])
    simulator.reset()
    second = [simulator.step(images) for _ in range(10)]
    np.testing.assert_array_equal(first, second)
    assert simulator._stream._advance.function.experimental_get_tracing_count() == 1
    simulator.reset()
    assert simulator.step(images[:2]).shape == (2, 5)
