"""The synapses against Nengo's filters, and what has to hold for any time constant."""

import nengo
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from snnconv.errors import ParameterError
from snnconv.neurons import numpy_ops
from snnconv.neurons.synapses import SYNAPSES, Alpha, Lowpass, as_synapse
from snnconv.runtime import tensorflow_ops

REFERENCES = {"Lowpass": nengo.Lowpass, "Alpha": nengo.Alpha}

synapses = st.sampled_from([Lowpass, Alpha])
taus = st.floats(1e-4, 0.1)


def test_every_synapse_has_a_reference():
    ours = {name for name, synapse in SYNAPSES.items() if synapse.__module__.startswith("snnconv.")}
    assert ours == set(REFERENCES), "a synapse without a reference: add it to REFERENCES with its Nengo equivalent"


def filtered(synapse, x, dt, state=None, xp=np, dtype="float64"):
    """The filter's output for x, (n_steps, ...), and its last state."""
    state = synapse.initial_state(x.shape[1:], dtype, xp) if state is None else state
    outputs = []
    for value in x:
        y, state = synapse.step(value, state, dt, xp)
        outputs.append(np.asarray(y))
    return np.array(outputs), state


@pytest.mark.parametrize("kind", SYNAPSES)
@pytest.mark.parametrize("dt", [1e-3, 2.5e-4])
@pytest.mark.parametrize("tau", [0.002, 0.005, 0.1])
def test_equals_nengo(kind, tau, dt):
    x = np.random.default_rng(1).normal(size=(2000, 8))
    y, _ = filtered(SYNAPSES[kind](tau), x, dt)
    expected = REFERENCES[kind](tau).filt(x, dt=dt, y0=0)
    # Nengo runs the second order as a difference equation with a double pole d = exp(-dt/tau), in which a rounding
    # lives on for some 1/(1 - d)² steps: 2e-16 · 1.6e5 for the slowest filter here.
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-10)


@given(kind=synapses, tau=taus)
def test_constant_passes_unchanged_in_the_end(kind, tau):
    y, _ = filtered(kind(tau), np.full((400, 1), 3.0), tau / 10)
    # after 40 time constants exp(-40) is left of the start; the rest is rounding
    assert y[-1] == pytest.approx(3.0, rel=1e-13)
    assert np.all(np.diff(y[:, 0]) >= -1e-14)  # neither filter overshoots


@given(kind=synapses, tau=taus, dt=st.floats(1e-5, 1e-2))
def test_impulse_passes_at_once_and_whole(kind, tau, dt):
    n_steps = 1 + int(40 * tau / dt) if tau / dt < 100 else 4000
    impulse = np.zeros((n_steps, 1))
    impulse[0] = 1
    y, _ = filtered(kind(tau), impulse, dt)
    assert y[0, 0] > 0  # no hidden delay
    if tau / dt < 100:
        # the sum of the impulse response is the gain at frequency 0
        assert y.sum() == pytest.approx(1, rel=1e-11)


@given(kind=synapses, tau=taus, cut=st.integers(0, 50))
def test_in_pieces_is_the_same_as_at_once(kind, tau, cut):
    x = np.random.default_rng(2).normal(size=(50, 3))
    whole, last = filtered(kind(tau), x, 1e-3)
    first, state = filtered(kind(tau), x[:cut], 1e-3)
    second, state = filtered(kind(tau), x[cut:], 1e-3, state)
    np.testing.assert_array_equal([*first, *second], whole)
    for name in kind.state:
        np.testing.assert_array_equal(state[name], last[name])


@given(kind=synapses, tau=taus)
def test_commutes_with_a_kernel(kind, tau):
    rng = np.random.default_rng(3)
    x, kernel = rng.normal(size=(50, 6)), rng.normal(size=(6, 4))
    before, _ = filtered(kind(tau), x, 1e-3)
    after, _ = filtered(kind(tau), x @ kernel, 1e-3)
    # the same sums in another order
    np.testing.assert_allclose(before @ kernel, after, rtol=0, atol=1e-12)


@pytest.mark.parametrize("synapse", [Lowpass(0.005), Alpha(0.005)])
@pytest.mark.parametrize("xp", [numpy_ops, ops, tensorflow_ops], ids=["numpy_ops", "keras.ops", "tensorflow_ops"])
def test_is_the_same_in_every_namespace(synapse, xp):
    x = np.random.default_rng(4).normal(size=(100, 16)).astype("float32")
    expected, _ = filtered(synapse, x, 1e-3, dtype="float32")
    assert expected.dtype == "float32"
    # only + - and × by constants, one at a time: the same bits
    same, _ = filtered(synapse, ops.convert_to_tensor(x) if xp is ops else x, 1e-3, None, xp, "float32")
    np.testing.assert_array_equal(same, expected)


@pytest.mark.parametrize("kind", SYNAPSES)
def test_kind_and_parameters_are_enough_to_rebuild_it(kind):
    synapse = SYNAPSES[kind](0.0123)
    assert SYNAPSES[synapse.kind](**synapse.parameters()) == synapse


def test_as_synapse():
    alpha = Alpha(0.01)
    assert as_synapse(alpha) is alpha
    assert as_synapse(0.01) == Lowpass(0.01)
    assert as_synapse(1) == Lowpass(1.0)


@pytest.mark.parametrize("value", [None, "alpha", True, Lowpass, [0.005]])
def test_as_synapse_refuses_what_is_neither(value):
    with pytest.raises(ParameterError, match=r"a synapse is a time constant in seconds or a filter.*Received"):
        as_synapse(value)


@pytest.mark.parametrize("tau", [0, -0.005, np.nan, np.inf])
@pytest.mark.parametrize("kind", SYNAPSES)
def test_tau_is_above_0(kind, tau):
    with pytest.raises(ParameterError, match=rf"{kind}: tau must be a finite number above 0\. Received {tau}"):
        SYNAPSES[kind](tau)
    with pytest.raises(ParameterError, match=r"Lowpass: tau must be"):
        as_synapse(float(tau))
