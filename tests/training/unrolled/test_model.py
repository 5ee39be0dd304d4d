"""A graph as a Keras model: its spikes, its training, its file, and the graph that comes back."""

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv import reference
from snnconv.errors import ParameterError
from snnconv.graph import Dense, Input, Population, Readout, SpikingGraph
from snnconv.neurons import IF, LIF
from snnconv.training.unrolled import graph_of
from tests.helpers.networks import randomise

N_STEPS = 6
EVERYTHING = ("kernels", "dense_biases", "neuron_biases", "heights", "initial_voltages")
TIMES = (*EVERYTHING, "time_constants")


def samples(shape=(8, 8, 1), n=5, seed=0):
    return np.random.default_rng(seed).random((n, *shape))


def perceptron(hidden, seed=0):
    keras.utils.set_random_seed(seed)
    return randomise(keras.Sequential([keras.Input((9,)), kl.Dense(12), hidden, kl.Dense(4)]), seed)


def cnn(seed=0):
    keras.utils.set_random_seed(seed)
    layers = [kl.Conv2D(4, 3, strides=2, padding="same"), kl.BatchNormalization(), snnconv.layers.LIF(150.0)]
    layers += [kl.Conv2D(6, 3, activation="relu"), kl.AveragePooling2D(2), kl.Flatten(), kl.Dense(3)]
    return randomise(keras.Sequential([keras.Input((8, 8, 1)), *layers]), seed)


def pooled(seed=0):
    keras.utils.set_random_seed(seed)
    layers = [kl.Conv2D(4, 3, activation="relu"), kl.MaxPooling2D(), kl.Flatten(), kl.Dense(8, activation="sigmoid")]
    return randomise(keras.Sequential([keras.Input((8, 8, 1)), *layers, kl.Dense(3, activation="softmax")]), seed)


def multiplied():
    keras.utils.set_random_seed(0)
    x = keras.Input((9,))
    product = kl.Multiply()([kl.Dense(5, activation="relu")(x), kl.Dense(5, activation="tanh")(x)])
    return randomise(keras.Model(x, kl.Dense(3)(product)))


def calibrated(n_steps=N_STEPS, synapse=None, **options):
    graph = snnconv.convert(cnn(), synapse=synapse, verbose=False)
    return snnconv.calibrate(graph, samples(n=8), n_steps, scales=(2.0,), synapses=(None,), **options)


GRAPHS = {
    "LIF": lambda: (snnconv.convert(perceptron(snnconv.layers.LIF(200.0)), verbose=False), (9,)),
    "IF": lambda: (snnconv.convert(perceptron(snnconv.layers.IF(300.0)), verbose=False), (9,)),
    "stepped LIF": lambda: (snnconv.convert(perceptron(snnconv.layers.SteppedLIF(200.0)), verbose=False), (9,)),
    "cnn": lambda: (snnconv.convert(cnn(), verbose=False), (8, 8, 1)),
    "signed": lambda: (calibrated(), (8, 8, 1)),
    "binary, synapse": lambda: (calibrated(spikes="binary", synapse=0.003), (8, 8, 1)),
    "max pooling, sigmoid, softmax": lambda: (snnconv.convert(pooled(), verbose=False), (8, 8, 1)),
    "functions of means": lambda: (snnconv.convert(multiplied(), verbose=False), (9,)),
}


def answer(graph, x, n_steps=N_STEPS):
    """The outputs of the NumPy loop averaged over time, and what a readout makes of them."""
    (name,) = graph.outputs.values()
    mean = reference.run(graph, x, n_steps).mean_output
    return graph[name].apply(mean, xp=snnconv.neurons.numpy_ops) if isinstance(graph[name], Readout) else mean


def n_differing(graph, other, x, n_steps=N_STEPS):
    ours, theirs = (reference.run(each, x, n_steps, record="all").spikes for each in (graph, other))
    assert sum(np.abs(spikes).sum() for spikes in ours.values()) > 0
    return sum(int((ours[name] != theirs[name]).sum()) for name in ours)


@pytest.mark.parametrize("name", GRAPHS)
def test_spikes_are_those_of_the_numpy_loop(name):
    graph, shape = GRAPHS[name]()
    x = samples(shape)
    model = graph.to_keras(N_STEPS, dtype="float64")
    # a spike more or less changes the answer by its height times a weight over the steps, far more than rounding
    np.testing.assert_allclose(np.asarray(model(x)), answer(graph, x), rtol=1e-9, atol=1e-10)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("surrogate", ["fast_sigmoid", "arctan", "straight_through"])
def test_a_surrogate_changes_no_spike(surrogate):
    graph, x = calibrated(), samples()
    model = graph.to_keras(N_STEPS, dtype="float64", surrogate=surrogate)
    np.testing.assert_allclose(np.asarray(model(x)), answer(graph, x), rtol=1e-9, atol=1e-10)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("surrogate", ["rate", "fast_sigmoid"])
@pytest.mark.parametrize("name", ["LIF", "IF", "stepped LIF", "signed"])
def test_training_lowers_the_loss_and_the_graph_comes_back(name, surrogate):
    graph, shape = GRAPHS[name]()
    x, y = samples(shape, n=24), np.arange(24) % 3
    trainable = TIMES if name == "LIF" else EVERYTHING
    model = graph.to_keras(N_STEPS, surrogate=surrogate, trainable=trainable, dtype="float64")
    model.compile(keras.optimizers.Adam(0.003), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = model.fit(x, y, epochs=12, batch_size=24, verbose=0).history["loss"]
    assert min(losses[6:]) < losses[0]
    trained = graph.with_weights_of(model)
    np.testing.assert_allclose(np.asarray(model(x)), answer(trained, x), rtol=1e-9, atol=1e-10)
    assert n_differing(trained, graph_of(model), x) == 0
    assert n_differing(trained, snnconv.convert(model, verbose=False), x) == 0
    assert n_differing(graph, trained, x) > 0


def test_an_untrained_model_gives_the_very_graph_back():
    graph = calibrated()
    assert graph.with_weights_of(graph.to_keras(4)) is graph  # in float32, which holds fewer digits than the graph


def test_trained_originals_times_the_gain_are_the_kernel():
    graph = snnconv.convert(perceptron(snnconv.layers.LIF(200.0)), verbose=False)
    model = graph.to_keras(4)
    for weight in model.trainable_weights:
        weight.assign(weight * 1.25)
    view = graph.with_weights_of(model).populations[next(iter(graph.populations))]
    np.testing.assert_allclose(view.trained.kernel * view.gain, view.kernel)
    np.testing.assert_allclose(view.trained.dense_bias * view.gain, view.dense_bias)
    np.testing.assert_array_equal(view.trained.neuron_bias, view.neuron_bias)
    np.testing.assert_allclose(view.kernel, 1.25 * graph.populations[view.name].kernel, rtol=1e-6)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("surrogate", ["rate", "arctan"])
def test_a_saved_model_is_read_by_keras_and_by_convert(tmp_path, surrogate):
    graph, x = calibrated(), samples()
    model = graph.to_keras(4, surrogate=surrogate, trainable=EVERYTHING)
    for weight in model.trainable_weights:
        weight.assign(weight + 0.01)
    model.save(tmp_path / "spiking.keras")
    loaded = keras.saving.load_model(tmp_path / "spiking.keras")
    np.testing.assert_array_equal(np.asarray(loaded(x)), np.asarray(model(x)))
    converted = snnconv.convert(tmp_path / "spiking.keras", verbose=False)
    assert n_differing(converted, graph.with_weights_of(model), x, 4) == 0
    told = next(line.action for line in converted.report if line.type == "Dense")
    assert "trained in spikes for 4 steps" in told


@pytest.mark.full
def test_it_trains_under_a_policy_of_half_precision_and_compiled():
    graph, x, y = calibrated(), samples(n=16), np.arange(16) % 3
    model = graph.to_keras(4, dtype="mixed_bfloat16")
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=True)
    history = model.fit(x, y, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}


def test_an_input_can_vary_in_time():
    graph, shape = GRAPHS["LIF"]()
    (name,) = (node.name for node in graph.inputs)
    x = samples((N_STEPS, *shape))
    model = graph.to_keras(N_STEPS, varying=name, dtype="float64")
    np.testing.assert_allclose(np.asarray(model(x)), answer(graph, x), rtol=1e-9, atol=1e-10)


def test_answers_are_the_mean_from_a_step_on_or_the_last():
    graph, x = calibrated(), samples()
    over_time = reference.run(graph, x, N_STEPS).output
    late = graph.to_keras(N_STEPS, read_from=3, dtype="float64")
    np.testing.assert_allclose(np.asarray(late(x)), over_time[:, 2:].mean(1), rtol=1e-9, atol=1e-10)
    last = graph.to_keras(N_STEPS, reduce="last", dtype="float64")
    np.testing.assert_allclose(np.asarray(last(x)), over_time[:, -1], rtol=1e-9, atol=1e-10)


def test_only_what_is_named_trains():
    graph = calibrated()
    names = {weight.path.rsplit("/", 1)[-1] for weight in graph.to_keras(4, trainable="kernels").trainable_weights}
    assert names == {"kernel"}
    model = graph.to_keras(4, trainable=("heights", "initial_voltages"))
    assert {weight.path.rsplit("/", 1)[-1] for weight in model.trainable_weights} == {"log_height", "initial_voltage"}
    for weight in model.trainable_weights:
        weight.assign(weight - 3.0)
    trained = graph.with_weights_of(model)
    assert all(view.neuron.amplitude > 0 for view in trained.populations.values())
    assert all(view.node.initial_voltage == -2.5 for view in trained.populations.values())


def test_time_constants_of_neurons_and_synapses_stay_above_0():
    graph = calibrated(synapse=0.003)  # a LIF, and a filter behind each population
    model = graph.to_keras(4, trainable="time_constants", surrogate="arctan", dtype="float64")
    named = sorted(weight.path.rsplit("/", 1)[-1] for weight in model.trainable_weights)
    assert named == ["log_tau", "log_tau", "log_tau_rc", "log_tau_ref"]
    model.compile("sgd", "mse")
    model.fit(samples(), np.zeros((5, 3)), verbose=0)
    assert all(np.asarray(weight) != 0 for weight in model.trainable_weights)
    for weight in model.trainable_weights:
        weight.assign(weight - 0.5)
    trained = graph.with_weights_of(model)
    pairs = [(graph[node.name], node) for node in trained.nodes]
    times = {a.synapse.tau: b.synapse.tau for a, b in pairs if hasattr(a, "synapse")}
    neuron, old = (next(iter(g.populations.values())).neuron for g in (trained, graph))
    times |= {old.tau_rc: neuron.tau_rc, old.tau_ref: neuron.tau_ref}
    assert all(0 < new < 0.7 * value for value, new in times.items())
    x = samples()
    np.testing.assert_allclose(np.asarray(model(x)), answer(trained, x, 4), rtol=1e-9, atol=1e-10)
    with pytest.raises(ParameterError, match="trainable names 'time_constants', and there are none"):
        snnconv.convert(perceptron(snnconv.layers.IF()), verbose=False).to_keras(4, trainable="time_constants")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_steps": 0}, "n_steps must be a whole number above 0"),
        ({"n_steps": 4, "surrogate": "tanh"}, "no surrogate 'tanh'. There are: rate, fast_sigmoid"),
        ({"n_steps": 4, "trainable": "weights"}, "trainable names 'weights'. There are: kernels"),
        ({"n_steps": 4, "reduce": "max"}, "reduce must be 'mean' or 'last'"),
        ({"n_steps": 4, "read_from": 5}, "read_from must be None or a step from 1 to 4"),
    ],
)
def test_bad_settings_are_refused(options, message):
    with pytest.raises(ParameterError, match=message):
        calibrated(4).to_keras(**options)


def test_a_population_without_distances_is_named():
    graph = snnconv.convert(multiplied(), verbose=False)
    with pytest.raises(ParameterError, match=r"population '.*': Follower neurons do not say how far"):
        graph.to_keras(4, surrogate="arctan")


def test_a_model_of_another_graph_is_refused():
    model = snnconv.convert(perceptron(snnconv.layers.LIF(name="neurons")), verbose=False).to_keras(4)
    with pytest.raises(ParameterError, match="made of another graph: it has no node"):
        calibrated(4).with_weights_of(model)
    other = snnconv.convert(perceptron(snnconv.layers.IF(name="neurons")), verbose=False)
    with pytest.raises(ParameterError, match="made of another graph: "):
        other.with_weights_of(model)
    with pytest.raises(ParameterError, match="is not one that graph.to_keras made"):
        other.with_weights_of(perceptron(snnconv.layers.IF()))


@pytest.mark.parametrize("neuron", [LIF(tau_ref=0.003), IF(min_voltage=-1.0, max_spikes=1)])
def test_distances_pass_zero_where_the_neuron_spikes(neuron):
    state = neuron.initial_state((200,), np.linspace(0, 0.99, 200))
    J = np.linspace(0, 900.0 if isinstance(neuron, IF) else 30.0, 200)
    spikes, _ = neuron.step(J, state, 0.001)
    (distance,) = neuron.distances(J, state, 0.001)
    assert 0 < spikes.sum() < spikes.size
    np.testing.assert_array_equal(spikes >= 1, distance >= 0)


def test_names_that_tensorflow_does_not_take():
    """They are those of the graph that comes back."""
    nodes = (
        Input(name="die Eingabe", shape=(3,)),
        Dense(name="β", inputs=("die Eingabe",), shape=(2,), kernel=np.ones((3, 2))),
        Population(name="1st|größe", inputs=("β",), shape=(2,), neuron=IF(), neuron_bias=np.zeros(2), gain=np.ones(2)),
    )
    graph = SpikingGraph(nodes, {"Ausgang ä": "1st|größe"}, name="µ Netz")
    x = samples((3,))
    model = graph.to_keras(N_STEPS)
    found = model.predict(x, verbose=0)
    np.testing.assert_allclose(found, reference.run(graph, x, N_STEPS).output.mean(1), rtol=1e-5)
    back = snnconv.convert(model, verbose=False)
    assert [node.name for node in back.nodes] == [node.name for node in graph.nodes]
    assert graph.with_weights_of(model) is graph
