"""Certificates: what they prove holds at every later step, for random networks of everything that can be certified."""

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv import Simulator
from snnconv.errors import ConversionError, InputError, ParameterError
from snnconv.tuning.certify import settled_steps

N_STEPS, LATER = 24, 120
N = 12

each_seed = pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[pytest.mark.full] * (seed > 0)) for seed in range(8)]
)


def dense():
    x = keras.Input((6,))
    y = kl.Dense(12, activation="relu")(x)
    y = kl.Dense(9, activation="relu")(y)
    return keras.Model(x, kl.Dense(4)(y))


def branches():
    """Convolutions, batch normalisation, Add, Concatenate, average and global pooling."""
    x = keras.Input((6, 6, 2))
    y = kl.ReLU()(kl.BatchNormalization()(kl.Conv2D(4, 3, padding="same")(x)))
    z = kl.ReLU()(kl.DepthwiseConv2D(3, padding="same")(y))
    y = kl.AveragePooling2D(2)(kl.ReLU()(kl.Add()([y, z])))
    y = kl.Concatenate()([y, kl.ReLU()(kl.Conv2D(3, 1)(y))])
    return keras.Model(x, kl.Dense(4, activation="softmax")(kl.GlobalAveragePooling2D()(y)))


def clipped():
    """relu6, leaky relu and max pooling."""
    x = keras.Input((6, 6, 2))
    y = kl.ReLU(6)(kl.Conv2D(4, 3)(x))
    y = kl.MaxPooling2D(2)(kl.LeakyReLU(0.2)(kl.Conv2D(4, 1)(y)))
    y = kl.Flatten()(kl.MaxPooling2D(2)(kl.ReLU()(kl.Conv2D(5, 1)(y))))
    return keras.Model(x, kl.Dense(4)(y))


def network(build, seed, **options):
    """A random network as a graph, and samples for it."""
    keras.utils.set_random_seed(seed)
    model, rng = build(), np.random.default_rng(seed)
    for weights in model.weights:
        scale = 3.0 if "kernel" in weights.path else 1.0
        weights.assign(np.abs(weights.numpy()) if "variance" in weights.path else scale * weights.numpy())
    x = 2 * rng.random((N, *model.input_shape[1:]))
    if "calibrate_steps" in options:
        options = {"spikes": "binary", **options, "calibrate": x}
        graph = snnconv.convert(model, verbose=False)
        return snnconv.calibrate(graph, x, options["calibrate_steps"], spikes=options["spikes"]), x
    return snnconv.convert(model, verbose=False, **options), x


def hold(simulator, x):
    """Check all that a certificate says, against the rates and at many later steps."""
    graph, found = simulator.graph, simulator.certify(x, N_STEPS)
    rates = np.concatenate([graph.rate_values(x)[node] for node in [last_linear(graph)]])
    np.testing.assert_allclose(found.rates, rates, atol=1e-9)
    sums = np.cumsum(simulator.run(x, LATER).output, 1, "float64")
    means = sums / np.arange(1, LATER + 1)[:, None]
    off = np.abs(means - rates[:, None])[:, found.n_steps - 1 :]
    assert (off <= found.bounds[:, None] + 1e-9).all()
    later = means[:, found.n_steps - 1 :].argmax(-1)
    assert (found.classes == later[:, 0]).all()
    assert (later[found.proven] == found.classes[found.proven, None]).all()
    assert (found.agrees == (rates.argmax(-1) == found.classes)).all()
    assert not (found.proven & ~found.agrees).any()


def last_linear(graph):
    name = next(iter(graph.outputs.values()))
    node = graph[name]
    return node.inputs[0] if node.kind == "Readout" else name


@pytest.mark.parametrize("build", [dense, branches, clipped])
@each_seed
def test_every_later_mean_is_within_the_bounds_and_proven_classes_stay(build, seed):
    graph, x = network(build, seed, scale_firing_rates=4)
    hold(Simulator(graph, dtype="float64"), x)


@pytest.mark.filterwarnings("ignore::snnconv.errors.HealthWarning")  # random networks are ill in many ways
@pytest.mark.parametrize("build", [branches, clipped])
@each_seed
def test_bounds_hold_where_calibration_clips_and_neurons_start_at_half_the_threshold(build, seed):
    graph, x = network(build, seed, calibrate_steps=8)
    hold(Simulator(graph, dtype="float64"), x)


def ceilings():
    """Relu and relu6, whose neurons can take spikes back, max pooling, and a join."""
    x = keras.Input((6, 6, 2))
    y = kl.MaxPooling2D(2)(kl.ReLU(6)(kl.Conv2D(4, 3)(x)))
    y = kl.Add()([kl.ReLU()(kl.Conv2D(5, 1)(y)), kl.ReLU()(kl.Conv2D(5, 1)(y))])
    return keras.Model(x, kl.Dense(4)(kl.Flatten()(kl.ReLU()(kl.Conv2D(5, 1)(y)))))


@pytest.mark.filterwarnings("ignore::snnconv.errors.HealthWarning")
@pytest.mark.parametrize("build", [dense, branches, ceilings])
@each_seed
def test_bounds_hold_for_spikes_that_are_taken_back(build, seed):
    graph, x = network(build, seed, calibrate_steps=16, spikes="signed")
    simulator = Simulator(graph, dtype="float64")
    spikes = simulator.run(x, N_STEPS, "all.spikes").spikes
    assert any(each.min() < 0 for each in spikes.values())
    hold(simulator, x)


@pytest.mark.parametrize("build", [dense, clipped])
def test_bounds_hold_for_a_run_in_float32(build):
    graph, x = network(build, 1, scale_firing_rates=4)
    hold(Simulator(graph), x.astype("float32"))


def test_uniform_initial_voltages_are_in_the_books():
    graph, x = network(dense, 3, scale_firing_rates=4)
    simulator = Simulator(graph, dtype="float64", initial_voltage="uniform", seed=5)
    found = simulator.certify(x, N_STEPS)
    means = simulator.run(x, LATER).output.cumsum(1) / np.arange(1, LATER + 1)[:, None]
    off = np.abs(means - found.rates[:, None])[:, N_STEPS - 1 :]
    assert (off <= found.bounds[:, None]).all()


def test_more_steps_prove_more_and_bounds_fall_as_one_by_the_steps():
    graph, x = network(dense, 4, scale_firing_rates=4)
    found = [Simulator(graph).certify(x, n_steps) for n_steps in (8, 64, 512)]
    shares = [each.proven.mean() for each in found]
    assert shares == sorted(shares)
    assert shares[-1] > 0.9  # of random outputs some are all but ties
    assert found[2].bounds.mean() < found[1].bounds.mean() / 6  # 8 times as long, and phases differ


def test_settled_steps_are_enough_for_any_phase():
    graph, x = network(dense, 5, scale_firing_rates=4)
    steps = settled_steps(graph, x)
    means = Simulator(graph).predict(x, 400, reduce=None)
    final = graph.rate_output(x).argmax(-1)
    assert np.isfinite(steps).mean() > 0.9
    for sample in np.flatnonzero(steps < 400):
        assert (means[sample, int(steps[sample]) - 1 :].argmax(-1) == final[sample]).all()
    assert (steps >= 2).any()


def test_batches_do_not_change_a_certificate(monkeypatch):
    graph, x = network(branches, 6)
    whole = Simulator(graph, dtype="float64").certify(x, N_STEPS)
    monkeypatch.setattr("snnconv.tuning.certify.certificate.MOST_VALUES", 1)
    parts = Simulator(graph, dtype="float64").certify(x, N_STEPS)
    np.testing.assert_array_equal(whole.proven, parts.proven)
    np.testing.assert_allclose(whole.bounds, parts.bounds, rtol=1e-12)


def test_a_certificate_of_values_has_bounds_and_no_classes():
    image = keras.Input((5, 5, 1))
    graph = snnconv.convert(
        keras.Model(image, kl.Conv2D(1, 3)(kl.Conv2D(4, 3, activation="relu")(image))), verbose=False
    )
    found = Simulator(graph).certify(np.ones((2, 5, 5, 1)), 50)
    assert found.classes is None
    assert found.proven is None
    assert found.bounds.shape == (2, 1, 1, 1)
    assert (np.abs(found.errors) <= found.bounds).all()
    assert "from here on by at most" in repr(found)


def test_the_text_of_a_certificate_says_what_is_proven():
    graph, x = network(dense, 7)
    found = Simulator(graph).certify(x, N_STEPS)
    assert f"{found.proven.mean():.1%} of the classes proven for good" in repr(found)
    assert found.to_dict()["proven"] == found.proven.tolist()


def test_what_cannot_be_certified_is_named():
    image = keras.Input((5,))
    lif = snnconv.convert(
        keras.Model(image, kl.Dense(2)(snnconv.layers.LIF(name="leaky")(kl.Dense(4)(image)))), verbose=False
    )
    with pytest.raises(ConversionError, match="population 'leaky' has LIF neurons"):
        Simulator(lif).certify(np.ones((1, 5)), 10)
    graph, x = network(dense, 0, synapse=0.005)
    with pytest.raises(ConversionError, match="Certify networks without synapses"):
        Simulator(graph).certify(x, 10)


def test_inputs_and_precisions_that_cannot_be_certified():
    graph, x = network(dense, 0)
    with pytest.raises(InputError, match="takes inputs that are held"):
        Simulator(graph).certify(np.ones((2, 10, 6)), 10)
    with pytest.raises(ParameterError, match="at most 65,536 steps"):
        Simulator(graph).certify(x, 100_000)
    with pytest.raises(ParameterError, match="precision 'float32'. Received 'bfloat16'"):
        Simulator(graph, precision="bfloat16").certify(x, 10)
