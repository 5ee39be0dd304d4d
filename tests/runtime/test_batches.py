"""Runs cost what samples and steps cost: compilations, calls and memory."""

import dataclasses
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import tensorflow as tf

import snnconv
from snnconv.runtime import batches, reference
from snnconv.runtime.batches import MEMORY

# What it costs


def test_another_number_of_steps_compiles_anew_only_where_much_would_be_padding(cnn, images):
    simulator = snnconv.Simulator(cnn)
    expected = reference.run(cnn, images, 100)
    for n_steps, n_compiled in ((100, 1), (95, 1), (100, 1), (10, 2), (9, 2)):
        result = simulator.run(images, n_steps)
        assert len(simulator._engines[0]._steppers) == n_compiled
        # float32 against float64: the last layer adds up twenty neurons, one of whose spikes may come a step off
        assert np.median(np.abs(result.output - expected.output[:, :n_steps])) < 1e-5


def test_a_short_run_first_does_not_cut_a_long_one_into_short_chunks(cnn, images):
    simulator = snnconv.Simulator(cnn)
    for n_steps, n_compiled in ((2, 1), (100, 2), (100, 2)):
        simulator.run(images, n_steps)
        assert len(simulator._engines[0]._steppers) == n_compiled


def test_calls_grow_with_samples_and_steps_and_nothing_else(cnn, monkeypatch):
    from snnconv.runtime.compiled.stepper import Stepper

    calls = {"before": 0, "chunk": 0}
    original = Stepper.__init__

    def counting(self, *arguments):
        original(self, *arguments)
        for name in calls:
            monkeypatch.setattr(self, name, _counted(calls, name, getattr(self, name)))

    monkeypatch.setattr(Stepper, "__init__", counting)
    silent = dataclasses.replace(cnn, report=())  # without it nothing looks whether all answers are one class
    simulator = snnconv.Simulator(silent, batch_size=4, chunk_steps=10)
    x = np.zeros((16, 12, 12, 2))
    for n, n_steps in ((4, 20), (16, 20), (16, 40)):
        calls.update(before=0, chunk=0)
        simulator.predict(x[:n], n_steps)
        assert calls == {"before": n // 4, "chunk": n // 4 * n_steps // 10}


def test_chunks_are_shorter_where_freed_memory_goes_back_to_the_system(cnn, monkeypatch):
    widest = max(np.prod(node.shape) for node in cnn.nodes) * 4  # bytes of a sample at one step
    monkeypatch.setattr(batches, "KEPT", int(8 * 7 * widest))
    lengths = {}
    for is_pooled in (True, False):
        monkeypatch.setattr(batches, "pools_memory", lambda is_pooled=is_pooled: is_pooled)
        lengths[is_pooled] = snnconv.Simulator(cnn, batch_size=8)._batches.sizes(8, 20)[1]
        assert snnconv.Simulator(cnn, batch_size=8, memory=MEMORY)._batches.sizes(8, 20)[1] == 20, "asked for"
    assert lengths == {True: 20, False: 5}, "7 steps fit, and 5 leave no padding"


def test_memory_is_kept_where_tensorflow_counts_it(monkeypatch):
    def absent(device):
        raise ValueError("Allocator stats not available for device")

    monkeypatch.setattr(tf.config.experimental, "get_memory_info", absent)
    assert not batches.pools_memory()
    monkeypatch.setattr(tf.config.experimental, "get_memory_info", lambda device: {"current": 0, "peak": 0})
    assert batches.pools_memory()


def _counted(calls, name, function):
    def call(*arguments):
        calls[name] += 1
        return function(*arguments)

    return call


@pytest.mark.full
def test_memory_does_not_grow_with_the_steps():
    """Ten times the steps in the same process. Kept at every step, the second run's values would take 1.6 GB more."""
    program = """
        import resource
        import numpy as np
        from tests.runtime.test_stepper import dense_network
        from snnconv.neurons import LIF
        import snnconv

        simulator = snnconv.Simulator(dense_network((20, 2000, 50, 3), LIF()), memory=32 << 20)
        x = np.ones((128, 20))
        peaks = []
        for n_steps in (160, 1600):
            simulator.predict(x, n_steps)
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        print(*peaks)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True, timeout=120
    )
    short, long = map(float, done.stdout.split())
    # MiB. What the allocator keeps for itself varies by a few chunks.
    assert long - short < 100
