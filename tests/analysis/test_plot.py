"""Pictures show what is in the arrays."""

import dataclasses
import sys
import warnings

import numpy as np
import pytest

import snnconv
from snnconv.analysis import plot
from snnconv.analysis.plot.drawing import BOX_HEIGHT, BOX_WIDTH, layout
from snnconv.errors import InputError, ParameterError, SnnconvError
from snnconv.graph import Add, Affine, Conv, Dense, Input, Population, SpikingGraph
from snnconv.neurons import IF, LIF, NEURONS, PiecewiseLinear
from snnconv.runtime.result import Result

from ..helpers.networks import random_cnn

matplotlib = pytest.importorskip("matplotlib")

N_STEPS = 50


@pytest.fixture(scope="module")
def model():
    return random_cnn()


@pytest.fixture(scope="module")
def graph(model):
    return snnconv.convert(model)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).random((2, 12, 12, 2))


@pytest.fixture(scope="module")
def result(graph, x):
    return snnconv.reference.run(graph, x, N_STEPS, record=["hidden", "lif2.spikes", "lif1.rates"])


@pytest.fixture(autouse=True)
def _close():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def with_spikes(spikes, **fields):
    """A result with these spikes of population 'p', (n, n_steps, …)."""
    spikes = np.asarray(spikes)
    return Result(np.zeros((*spikes.shape[:2], 1)), spikes.shape[1], 0.001, spikes={"p": spikes}, **fields)


def population(name, source, shape, neuron=None):
    """A population with gain 1 and no bias."""
    one = np.ones(shape[-1])
    return Population(name=name, inputs=(source,), shape=shape, neuron=neuron or IF(), neuron_bias=0 * one, gain=one)


def marks_of(ax):
    """(time in ms, neuron) of every mark of a raster, sorted."""
    segments = np.concatenate([collection.get_segments() for collection in ax.collections])
    return sorted(map(tuple, segments.mean(1).round(9)))


def texts(ax):
    """Everything that is written into a picture."""
    legend = ax.get_legend()
    parts = [*ax.texts, *ax.get_yticklabels(), ax.xaxis.label, ax.yaxis.label, ax.title]
    return "\n".join(part.get_text() for part in [*parts, *(legend.get_texts() if legend else [])])


def test_raster_marks_every_spike(result):
    ax = plot.raster(result, "lif2", sample=1)
    steps, neurons = np.nonzero(result.spikes["lif2"][1].reshape(N_STEPS, -1))
    assert len(steps) > 20
    np.testing.assert_allclose(marks_of(ax), sorted(zip(steps + 1.0, neurons, strict=True)))
    assert ax.get_xlabel() == "time (ms)"
    assert ax.get_ylabel() == "neuron"


def test_raster_draws_some_of_many_neurons_and_says_so():
    spikes = np.random.default_rng(0).random((1, 5, 100, 100)) < 0.2
    ax = plot.raster(with_spikes(spikes.astype("uint8")), "p", max_neurons=10)
    shown = np.linspace(0, 9999, 10).astype(int)
    assert {neuron for _, neuron in marks_of(ax)} == set(shown[spikes[0].reshape(5, -1)[:, shown].any(0)])
    assert ax.get_ylabel() == "neuron (10 of 10,000 shown)"


def test_raster_tells_several_and_negative_spikes_apart():
    ax = plot.raster(with_spikes([[[1, 0], [3, 0], [0, -1]]]), "p")
    at = {collection.get_label(): collection.get_segments()[0].mean(0) for collection in ax.collections}
    np.testing.assert_allclose(at["one spike"], [1, 0])
    np.testing.assert_allclose(at["several in a step"], [2, 0])
    np.testing.assert_allclose(at["negative"], [3, 1])
    assert "negative" in texts(ax)


def test_raster_without_spikes_and_of_one_neuron():
    assert "no spikes" in texts(plot.raster(with_spikes(np.zeros((1, 3, 1), "uint8")), "p"))
    assert marks_of(plot.raster(with_spikes(np.ones((1, 1, 1), "uint8")), "p")) == [(1, 0)]


def test_voltages_show_threshold_and_spikes(result):
    unit = int(result.spikes["hidden"][0].sum(0).argmax())
    ax = plot.voltages(result, "hidden", units=(unit,))
    line, spikes, threshold = ax.lines
    np.testing.assert_allclose(line.get_ydata(), result.voltages["hidden"][0, :, unit])
    np.testing.assert_allclose(spikes.get_xdata(), 1 + np.nonzero(result.spikes["hidden"][0, :, unit])[0])
    assert threshold.get_ydata()[0] == 1


def test_voltages_show_the_busiest_unless_asked_otherwise(result):
    counts = result.spikes["hidden"][1].astype(int).sum(0)
    ax = plot.voltages(result, "hidden", sample=1)
    shown = [int(line.get_label().split()[1]) for line in ax.lines if line.get_label().startswith("neuron")]
    assert sorted(counts[shown]) == sorted(counts)[-3:]
    one = with_spikes(np.ones((1, 2, 1), "uint8"), voltages={"p": np.zeros((1, 2, 1))})
    assert len(plot.voltages(one, "p").lines) == 3


def test_rate_curve_is_the_rate_equation():
    ax = plot.rate_curve(LIF(amplitude=0.5), np.array([0.5, 2.0]), measured=([1.5, 2.5], [30.0, 70.0]), dt=None)
    measured, curve = ax.lines
    np.testing.assert_allclose(curve.get_ydata(), [0, 1 / (0.002 + 0.02 * np.log(2))])
    np.testing.assert_array_equal(measured.get_ydata(), [30, 70])
    assert ax.get_xlabel() == "input current J (thresholds)"


@pytest.mark.parametrize("kind", NEURONS)
def test_rate_curve_steps_the_neuron(kind):
    """A run of 1 s counts to within one spike of the rate; LIF may also begin a spike later."""
    neuron = NEURONS[kind]()
    ax = plot.rate_curve(neuron)
    curve, stepped = ax.lines
    expected = neuron.rate(np.asarray(stepped.get_xdata())) / neuron.amplitude
    assert np.ptp(expected) > 40, "the range shown must show the curve"
    np.testing.assert_allclose(stepped.get_ydata(), expected, atol=2.0)
    assert stepped.get_ydata().max() <= curve.get_ydata().max() + 1
    assert "1,000 steps of 1 ms" in texts(ax)


def test_rate_curve_says_what_it_cannot_draw():
    with pytest.raises(InputError, match="negative_slope of this PiecewiseLinear neuron has one value per unit"):
        plot.rate_curve(PiecewiseLinear(negative_slope=(0.1, 0.2)))
    with pytest.raises(InputError, match="two arrays of one shape"):
        plot.rate_curve(LIF(), measured=([1.0], [1.0, 2.0]))
    with pytest.raises(ParameterError, match="n_steps must be a whole number"):
        plot.rate_curve(LIF(), n_steps=0)


def test_rate_curve_draws_some_of_many_measurements():
    J = np.linspace(0, 5, 20_000)
    ax = plot.rate_curve(LIF(), measured=(J, J), dt=None)
    assert len(ax.lines[0].get_xdata()) == 5000
    assert "5,000 of 20,000 shown" in texts(ax)


def test_rate_histograms_count_the_neurons_that_fire(result):
    ax = plot.rate_histograms(result)
    written = texts(ax)
    rates = {"lif1": result.rates["lif1"], "hidden": result.rates["hidden"]}
    rates["lif2"] = result.spikes["lif2"].sum(1, dtype=float) / 0.05
    for name, values in rates.items():
        assert f"{name}\nmean {values.mean():.3g} Hz, {(values == 0).mean():.0%} silent" in written
    assert [label.get_text().split("\n")[0] for label in ax.get_yticklabels()] == ["lif1", "lif2", "hidden"]
    heights, edges, base = ax.patches[0].get_data()
    counts, _ = np.histogram(rates["lif1"][rates["lif1"] > 0], edges)
    np.testing.assert_allclose(heights - base, 0.85 * counts / counts.max())
    widths = np.diff(edges) * 0.05  # in spikes of a run: whole numbers, or some bins would hold more rates than others
    np.testing.assert_allclose(widths, widths.round())


def test_rate_histograms_of_many_layers_and_of_none():
    rates = {f"layer{number}": np.full((1, 2), number) for number in range(40)}
    ax = plot.rate_histograms(Result(np.zeros((1, 2, 1)), 2, 0.001, rates=rates))
    assert "24 of 40 layers shown" in ax.get_xlabel()
    assert len(ax.patches) == 24
    with pytest.raises(InputError, match="recorded neither rates nor spikes"):
        plot.rate_histograms(Result(np.zeros((1, 2, 1)), 2, 0.001))
    assert "no spikes" in texts(plot.rate_histograms(with_spikes(np.zeros((1, 2, 3), "uint8"))))


def test_correlation_is_that_of_the_rates(graph, model, result, x):
    values = graph.rate_values(x)
    ax = plot.correlation(graph, result, x)
    for line, name in zip(ax.lines, ["lif1", "lif2", "hidden"], strict=False):
        amplitude = graph.populations[name].amplitude
        expected = values[name].reshape(-1) / amplitude
        measured = result.measured_rates(name).reshape(-1)
        np.testing.assert_allclose(line.get_xdata(), expected)
        np.testing.assert_allclose(line.get_ydata(), measured)
        assert line.get_label() == f"{name}: r = {np.corrcoef(expected, measured)[0, 1]:.4f}"
    of_keras = plot.correlation(graph, result, x, "lif2", model=model)
    np.testing.assert_allclose(of_keras.lines[0].get_xdata(), ax.lines[1].get_xdata(), rtol=1e-3, atol=1e-2)  # float32
    assert of_keras.get_xlabel() == "rate of Keras (Hz)"


def test_correlation_says_what_does_not_fit(graph, result, x):
    with pytest.raises(InputError, match="x must be the samples of the run"):
        plot.correlation(graph, result, x[:1])
    silent = dataclasses.replace(result, rates={"hidden": 0 * result.rates["hidden"]}, spikes={})
    assert "r undefined" in texts(plot.correlation(graph, silent, x))


def test_filtered_output_goes_to_the_rate_network(graph, x):
    result = snnconv.reference.run(graph, x, 300, record="lif1.spikes")
    ax = plot.filtered_output(graph, result, x, "lif1", sample=1, units=[7, 100], tau=0.05)
    rates = graph.rate_values(x)["lif1"][1].reshape(-1) / graph.populations["lif1"].amplitude
    for unit, filtered, expected in zip((7, 100), ax.lines[0::2], ax.lines[1::2], strict=False):
        assert expected.get_ydata()[0] == pytest.approx(rates[unit])
        # the mean of the second half: a lowpass goes to the mean of its input, whose spikes come by the rate
        assert filtered.get_ydata()[150:].mean() == pytest.approx(rates[unit], rel=0.1, abs=5)
    assert ax.get_ylabel() == "firing rate (Hz)"
    assert "tau" not in texts(ax)
    decay = np.exp(-0.001 / 0.02)
    ax = plot.filtered_output(graph, result, x)
    unit = int(ax.lines[0].get_label().split()[1])
    expected = np.zeros(301)
    for step, value in enumerate(result.output[0, :, unit]):
        expected[step + 1] = decay * expected[step] + (1 - decay) * value
    np.testing.assert_allclose(ax.lines[0].get_ydata(), expected[1:])
    logits = graph.rate_values(x)[graph["classes"].inputs[0]]  # before the softmax
    assert ax.lines[1].get_ydata()[0] == pytest.approx(logits[0, unit])


def test_accuracy_is_that_of_evaluate(graph, result, x):
    y = np.array([int(result.output[0].mean(0).argmax()), 4])
    scores = snnconv.Simulator(graph, dtype="float64").evaluate(x, y, N_STEPS)["accuracy_over_time"]
    line = plot.accuracy(result, y).lines[0]
    np.testing.assert_allclose(line.get_ydata(), 100 * scores)
    np.testing.assert_allclose(line.get_xdata(), np.arange(1, N_STEPS + 1))
    np.testing.assert_array_equal(plot.accuracy(result, np.eye(5)[y]).lines[0].get_ydata(), line.get_ydata())
    ax = plot.accuracy({"LIF": [0.5, 0.75], "IF": [0.1]}, dt=0.002, rate_accuracy=0.9)
    assert [line.get_label() for line in ax.lines] == ["LIF: 75.0%", "IF: 10.0%", "rate network: 90.0%"]
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [2, 4])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (lambda result: (result,), "pass y"),
        (lambda result: (result, [0, 5]), "class numbers from 0 to 4, one for each of the 2 samples"),
        (lambda result: (result, [0]), "one for each of the 2 samples"),
        (lambda result: ([0.5], [0, 1]), "y goes with a Result"),
        (lambda result: ([[0.5]],), "must be one number per step"),
    ],
)
def test_accuracy_says_what_does_not_fit(result, arguments, message):
    with pytest.raises(InputError, match=message):
        plot.accuracy(*arguments(result))


def test_kernels_draw_the_folded_kernel(graph):
    ax = plot.kernels(graph, "hidden")
    np.testing.assert_array_equal(ax.images[0].get_array(), graph.populations["hidden"].kernel.T)
    np.testing.assert_array_equal(
        plot.kernels(graph, "classes").images[0].get_array(), graph.readouts["classes"].kernel.T
    )
    nodes = (Input(name="in", shape=(2,)), population("p", "in", (2,)))
    with pytest.raises(SnnconvError, match="'p' has no kernel of its own"):
        plot.kernels(SpikingGraph(nodes, {"y": "p"}), "p")
    with pytest.raises(InputError, match="'lif3' is no population or output of 'cnn'. There are: lif1, lif2"):
        plot.kernels(graph, "lif3")


def convolution(*shape):
    """A graph of one convolution with a kernel of this shape."""
    kernel = np.random.default_rng(0).normal(size=shape)
    rank = len(shape) - 2
    units = (*(1,) * rank, shape[-1])
    conv = Conv(
        name="conv",
        inputs=("in",),
        shape=units,
        kernel=kernel,
        strides=(1,) * rank,
        padding=((0, 0),) * rank,
        dilation=(1,) * rank,
    )
    nodes = (Input(name="in", shape=(*shape[:rank], shape[-2])), conv, population("p", "conv", units))
    return SpikingGraph(nodes, {"y": "p"}), kernel


def tile(picture, row, column, height, width):
    """The numbers of a tile, one of each square of pixels."""
    scale = -(-8 // max(height, width))
    top, left = row * (height * scale + 1), column * (width * scale + 1)
    return np.asarray(picture)[top : top + scale * height : scale, left : left + scale * width : scale]


def test_kernels_draw_convolutions_as_tiles():
    graph, kernel = convolution(3, 5, 2, 4)
    picture = plot.kernels(graph, "p").images[0].get_array()
    for channel in range(2):
        for number in range(4):
            np.testing.assert_array_equal(tile(picture, channel, number, 3, 5), kernel[:, :, channel, number])
    graph, kernel = convolution(3, 3, 1, 10)
    ax = plot.kernels(graph, "p")
    np.testing.assert_array_equal(tile(ax.images[0].get_array(), 2, 1, 3, 3), kernel[:, :, 0, 9])
    assert ax.get_xlabel() == "filters, row by row"
    graph, kernel = convolution(4, 2, 3)
    picture = plot.kernels(graph, "p").images[0].get_array()
    np.testing.assert_array_equal(tile(picture, 1, 2, 1, 4)[0], kernel[:, 1, 2])
    graph, kernel = convolution(2, 3, 4, 1, 1)
    picture = plot.kernels(graph, "p").images[0].get_array()
    np.testing.assert_array_equal(tile(picture, 0, 0, 3, 8), np.concatenate(kernel[..., 0, 0], 1))


def test_large_kernels_are_drawn_in_part():
    graph, _ = convolution(1, 1, 100, 30)
    ax = plot.kernels(graph, "p")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("filter (24 of 30 shown)", "input channel (24 of 100 shown)")
    shape = (2000, 3)
    nodes = (
        Input(name="in", shape=(2000,)),
        Dense(name="d", inputs=("in",), shape=(3,), kernel=np.zeros(shape)),
        population("p", "d", (3,)),
    )
    ax = plot.kernels(SpikingGraph(nodes, {"y": "p"}), "p")
    assert ax.images[0].get_array().shape == (3, 512)
    assert ax.get_xlabel() == "input (512 of 2,000 shown)"


def test_biases_and_their_sum(graph):
    view = graph.populations["lif1"]
    dense, neurons, total = plot.biases(graph, "lif1").lines[1:]
    np.testing.assert_allclose(dense.get_ydata(), view.dense_bias)
    np.testing.assert_allclose(neurons.get_ydata(), np.broadcast_to(view.neuron_bias, 8))
    np.testing.assert_allclose(total.get_ydata(), view.dense_bias + view.neuron_bias.reshape(-1))
    only = plot.biases(graph, "classes")
    assert [line.get_label() for line in only.lines[1:]] == ["dense_bias'"]
    assert only.get_ylabel() == "output"


def test_the_drawing_has_every_node_and_connection(graph):
    ax = plot.network(graph)
    written = texts(ax)
    for node in graph.nodes:
        assert node.name in written
    drawing = layout(graph)
    assert {(arrow.source, arrow.target) for arrow in drawing.arrows} == {
        (name, node.name) for node in graph.nodes for name in node.inputs
    }
    assert len(ax.patches) == len(graph.nodes) + len(drawing.arrows)


def branched(n):
    """`n` blocks of two branches, one of them longer, that are added up."""
    nodes = [Input(name="in", shape=(2,))]
    last = "in"
    for number in range(n):
        a, b, c, last, begin = *(f"{letter}{number}" for letter in "abcd"), last
        nodes += [
            Affine(name=a, inputs=(begin,), shape=(2,), scale=np.ones(2)),
            population(b, a, (2,)),
            population(c, begin, (2,)),
            Add(name=last, inputs=(b, c, begin), shape=(2,)),
        ]
    return SpikingGraph(tuple(nodes), {"y": last})


@pytest.mark.parametrize("n", [1, 3, 40])
def test_boxes_do_not_overlap_and_arrows_point_down(n):
    drawing = layout(branched(n))
    for one in drawing.boxes:
        for other in drawing.boxes:
            apart = abs(one.x - other.x) >= BOX_WIDTH or abs(one.y - other.y) >= BOX_HEIGHT
            assert one is other or apart, (one, other)
    places = {box.title: box.y for box in drawing.boxes}
    assert drawing.arrows
    assert all(places[arrow.source] < places[arrow.target] for arrow in drawing.arrows)


def test_nodes_of_large_graphs_share_boxes():
    graph = branched(40)
    drawing = layout(graph, 200)
    assert drawing.remark == ""
    drawing = layout(graph, 130)
    assert sorted(name for box in drawing.boxes for name in box.names) == sorted(node.name for node in graph.nodes)
    assert ("a0", "b0") in {box.names for box in drawing.boxes}
    assert drawing.remark == "161 nodes in 121 boxes"
    assert "161 nodes in 121 boxes" in plot.network(graph, max_boxes=130).get_title()
    cut = layout(graph, 30)
    assert (len(cut.boxes), cut.remark) == (30, f"{sum(len(box.names) for box in cut.boxes)} of 161 nodes")


def test_what_was_not_recorded_cannot_be_drawn(result):
    with pytest.raises(InputError, match="the spikes of 'lif1' were not recorded. Run with record="):
        plot.raster(result, "lif1")
    with pytest.raises(InputError, match="the voltages of 'lif2' were not recorded"):
        plot.voltages(result, "lif2")
    with pytest.raises(InputError, match="sample must be a number from 0 to 1. Received 2"):
        plot.raster(result, "lif2", sample=2)
    with pytest.raises(InputError, match="units are numbers from 0 to 19. Received 20"):
        plot.voltages(result, "hidden", units=[20])


def test_without_matplotlib_it_says_what_to_install(result, graph, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    for draw in (lambda: plot.raster(result, "lif2"), lambda: plot.kernels(graph, "lif1"), lambda: plot.network(graph)):
        with pytest.raises(SnnconvError, match=r"plots need Matplotlib: pip install 'snnconv\[plot\]'"):
            draw()


def test_a_given_axes_is_used_and_no_label_makes_a_warning(graph, result, x):
    import matplotlib.pyplot as plt

    draw = [
        lambda ax: plot.raster(result, "lif2", ax=ax),
        lambda ax: plot.voltages(result, "hidden", ax=ax),
        lambda ax: plot.rate_curve(LIF(), ax=ax),
        lambda ax: plot.rate_histograms(result, ax=ax),
        lambda ax: plot.correlation(graph, result, x, ax=ax),
        lambda ax: plot.filtered_output(graph, result, x, ax=ax),
        lambda ax: plot.accuracy([0.5, 0.6], ax=ax),
        lambda ax: plot.kernels(graph, "lif1", ax=ax),
        lambda ax: plot.biases(graph, "lif1", ax=ax),
        lambda ax: plot.network(graph, ax=ax),
    ]
    assert len(draw) == len(plot.__all__)
    figure, axes = plt.subplots(2, 5, figsize=(25, 8), layout="constrained")
    for function, ax in zip(draw, axes.flat, strict=True):
        assert function(ax) is ax
        assert ax.get_title()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.canvas.draw()
