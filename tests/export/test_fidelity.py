"""The framework of targets: options, limits, folders, and the verdict on what was written."""

import dataclasses
import json

import numpy as np
import pytest

import snnconv
from snnconv import export, quantize
from snnconv.errors import ExportError, ModelFileError, ParameterError
from snnconv.export import Limit, Option, Plan, Target
from snnconv.files.manifest import changed_files, read_manifest
from snnconv.graph import Dense, Input, Population, Readout, SpikingGraph
from snnconv.runtime import reference


def network(neuron=snnconv.neurons.LIF(amplitude=0.001), scale=8.0):  # noqa: B008, frozen
    """5 -> 4 neurons -> 3, with spikes on random inputs."""
    rng = np.random.default_rng(0)
    nodes = (
        Input(name="x", shape=(5,)),
        Dense(name="dense", inputs=("x",), shape=(4,), kernel=scale * rng.random((5, 4))),
        Population(name="lif", inputs=("dense",), shape=(4,), neuron=neuron, neuron_bias=np.zeros(4), gain=np.ones(4)),
        Dense(name="out", inputs=("lif",), shape=(3,), kernel=rng.normal(size=(4, 3))),
    )
    return SpikingGraph(nodes, {"y": "out"})


def runner(graph, dt=0.001, **changes):
    """What runs a graph whose neurons have other parameters, as a target's simulator would."""
    nodes = [
        dataclasses.replace(node, neuron=dataclasses.replace(node.neuron, **changes))
        if isinstance(node, Population)
        else node
        for node in graph.nodes
    ]
    other = graph.replace(nodes)
    return lambda path, inputs, n_steps: reference.run(other, inputs, n_steps, dt, record="lif.spikes")


@pytest.fixture
def registered(monkeypatch):
    """Puts a target beside the real ones."""

    def register(plan, **settings):
        target = Target("test", ".test", "what", "nothing", plan, **settings)
        monkeypatch.setattr(export, "TARGETS", {**export.TARGETS, "test": target})
        return target

    return register


def write_text(path):
    path.write_text("written")


def test_the_same_spikes_are_exact(registered, tmp_path):
    graph = network()
    registered(lambda graph, settings: Plan(write_text, runner(graph)))
    verdict = export.export(graph, tmp_path / "x", "test", n_steps=50)
    assert verdict.exact
    n_spikes = verdict.measured.total.n_spikes
    assert n_spikes > 100
    assert str(verdict) == (
        f"exact: all {n_spikes:,} spikes are those of the float network (8 random samples in 0…1, 50 steps of 1 ms)."
    )


def test_other_spikes_are_counted_and_explained(registered, tmp_path):
    graph = network()
    limit = Limit("the refractory period", ("lif",), "left out")
    registered(lambda graph, settings: Plan(write_text, runner(graph, tau_ref=0.0), (limit,)))
    x = np.random.default_rng(3).random((6, 5))
    verdict = export.export(graph, tmp_path / "x", "test", x=x, n_steps=80, approximate=True)
    ours = reference.run(graph, x, 80, record="lif").spikes["lif"].astype(bool)
    theirs = runner(graph, tau_ref=0.0)(None, {"x": x}, 80).spikes["lif"].astype(bool)
    (layer,) = verdict.measured.layers
    assert (layer.n_spikes, layer.n_written, layer.n_common) == (ours.sum(), theirs.sum(), (ours & theirs).sum())
    assert layer.share == pytest.approx(1 - (ours & theirs).sum() / (ours | theirs).sum())
    assert not verdict.exact
    text = str(verdict)
    assert text.startswith(f"approximate: {layer.share:.1%} of spikes and 0 of 6 predictions differ")
    assert "(6 samples of the given data, 80 steps of 1 ms)" in text
    assert text.endswith("Not held: the refractory period of 'lif' (left out).")


def test_predictions_that_differ_are_counted(registered, tmp_path):
    graph = network()

    def plan(graph, settings):
        def run(path, inputs, n_steps):
            result = runner(graph)(path, inputs, n_steps)
            y = np.concatenate([-result.output[:2], result.output[2:]])
            return dataclasses.replace(result, outputs=dict.fromkeys(graph.outputs, y))

        return Plan(write_text, run)

    registered(plan)
    verdict = export.export(graph, tmp_path / "x", "test")
    assert verdict.measured.n_other_predictions == 2
    assert verdict.measured.output_difference > 0.1


def test_a_target_that_changes_by_its_nature_needs_no_permission(registered, tmp_path):
    changes = ("weights rounded to 8 bits",)
    registered(lambda graph, settings: Plan(write_text, runner(graph, tau_rc=0.021), changes=changes))
    verdict = export.export(network(), tmp_path / "x", "test")
    assert not verdict.exact
    assert str(verdict).startswith("approximate: ")
    assert str(verdict).endswith(" Changed: weights rounded to 8 bits.")


def test_differences_without_a_reason_are_called_rounding(registered, tmp_path):
    registered(lambda graph, settings: Plan(write_text, runner(graph, tau_rc=0.02001)))
    verdict = export.export(network(), tmp_path / "x", "test", n_steps=400)
    assert 0 < verdict.measured.total.share < 0.5
    assert str(verdict).startswith("not exact: ")
    assert "rounding" in str(verdict)


def test_silence_proves_nothing(registered, tmp_path):
    registered(lambda graph, settings: Plan(write_text, runner(graph)))
    verdict = export.export(network(scale=0.001), tmp_path / "x", "test")
    assert not verdict.exact
    assert str(verdict).startswith("not measured: no neuron spikes")


@pytest.mark.parametrize(("factor", "words"), [(1, "exact: it has no neurons, and its mean outputs are"), (-1, "")])
def test_outputs_are_compared_where_there_are_no_neurons(registered, tmp_path, factor, words):
    nodes = network().nodes[:2]
    graph = SpikingGraph(nodes, {"y": "dense"})

    def plan(graph, settings):
        def run(path, inputs, n_steps):
            result = reference.run(graph, inputs, n_steps)
            return dataclasses.replace(result, outputs={"y": factor * result.output})

        return Plan(write_text, run)

    registered(plan)
    verdict = export.export(graph, tmp_path / "x", "test", n_samples=8)
    assert verdict.exact == (factor == 1)
    other = "not exact: 8 of 8 predictions differ from the float network, the mean output by 200.0% (8"
    assert str(verdict).startswith(words or other)


def test_one_sigmoid_predicts_one_of_two_classes(registered, tmp_path):
    """Which one its sign says; a value that is no sigmoid predicts none."""
    nodes = (
        *network().nodes[:3],
        Dense(name="out", inputs=("lif",), shape=(1,), kernel=np.ones((4, 1))),
    )

    def plan(graph, settings):
        def run(path, inputs, n_steps):
            result = runner(graph)(path, inputs, n_steps)
            return dataclasses.replace(result, outputs={"y": -result.output})

        return Plan(write_text, run)

    registered(plan)
    read = Readout(name="read", inputs=("out",), shape=(1,), function="sigmoid")
    binary = SpikingGraph((*nodes, read), {"y": "read"})
    assert export.export(binary, tmp_path / "b", "test").measured.n_other_predictions == 8
    value = SpikingGraph(nodes, {"y": "out"})
    verdict = export.export(value, tmp_path / "v", "test")
    assert verdict.measured.n_other_predictions is None


def test_negative_spikes_are_compared_by_sign():
    from snnconv.export.fidelity import _compare

    ours, theirs = np.array([2, -1, 1, 0, 3]), np.array([1, -1, -1, 2, 3])
    found = _compare("x", ours, theirs)
    assert (found.n_spikes, found.n_written, found.n_common) == (7, 8, 1 + 1 + 0 + 0 + 3)


LIMITS = (
    Limit("the floor", ("a", "b"), "left out", "Train without"),
    Limit("the period", ("a",), "left out", "Train without"),
)
STUCK = Limit("the max pooling", ("pool",), None, "Convert otherwise")


def test_all_limits_are_named_together(registered, tmp_path):
    registered(lambda graph, settings: Plan(write_text, runner(graph), LIMITS))
    message = (
        r"target 'test' cannot hold the floor of 'a', 'b'; the period of 'a'\. Train without\. Or write it with "
        r"approximate=True, which measures what that changes: the floor left out; the period left "
        r"out\."
    )
    with pytest.raises(ExportError, match=message):
        export.export(network(), tmp_path / "x", "test")
    assert not list(tmp_path.iterdir())
    assert export.export(network(), tmp_path / "x", "test", approximate=True).approximated == LIMITS


@pytest.mark.parametrize("approximate", [False, True])
def test_what_has_no_approximation_is_never_written(registered, tmp_path, approximate):
    registered(lambda graph, settings: Plan(write_text, runner(graph), (*LIMITS, STUCK)))
    message = (
        r"cannot hold the floor of 'a', 'b'; the period of 'a'; the max pooling of 'pool'\. Train without\. "
        r"Convert otherwise\. There is no approximation of the max pooling of 'pool'\."
    )
    with pytest.raises(ExportError, match=message):
        export.export(network(), tmp_path / "x", "test", approximate=approximate)
    assert not list(tmp_path.iterdir())


OPTIONS = (
    Option("bits", int, 8, "of weights"),
    Option("leak", float, 0.5, "leak"),
    Option("mode", str, "a", "mode", ("a", "b")),
    Option("fast", bool, False, "fast"),
)


def test_options_reach_the_plan_checked_and_complete(registered, tmp_path):
    seen = {}

    def plan(graph, settings):
        seen.update(settings.options)
        return Plan(write_text)

    registered(plan, options=OPTIONS)
    export.export(network(), tmp_path / "x", "test", bits="4", mode="b")
    assert seen == {"bits": 4, "leak": 0.5, "mode": "b", "fast": False}
    for given, message in [
        ({"bits": "x"}, "--bits must be a value of type int. Received 'x'"),
        ({"bits": 4.5}, "--bits must be a value of type int. Received 4.5"),
        ({"mode": "c"}, "--mode must be one of a, b"),
        ({"fast": "no"}, "--fast must be a value of type bool. Received 'no'"),
        ({"bit_width": 3}, "target 'test' has no option --bit-width. Its options: --bits, --leak, --mode, --fast"),
    ]:
        with pytest.raises(ParameterError, match=message):
            export.export(network(), tmp_path / "x", "test", **given)
    with pytest.raises(ParameterError, match="target 'json' has no option --bits. Its options: none"):
        export.export(network(), tmp_path / "x", "json", bits=4)


def test_a_folder_gets_a_manifest_and_is_replaced_only_with_force(registered, tmp_path):
    def plan(graph, settings):
        return Plan(lambda path: (path / "a.txt").write_text("a"), runner(graph))

    registered(plan, is_folder=True, options=OPTIONS)
    verdict = export.export(network(), tmp_path / "x", "test", bits=4)
    about = read_manifest(tmp_path / "x")
    assert about["target"] == "test"
    assert about["options"]["bits"] == 4
    assert about["verdict"] == str(verdict)
    assert list(about["files"]) == ["a.txt"]
    assert changed_files(tmp_path / "x") == {}
    with pytest.raises(ModelFileError, match="force=True"):
        export.export(network(), tmp_path / "x", "test")
    export.export(network(), tmp_path / "x", "test", force=True)
    assert json.loads((tmp_path / "x" / "MANIFEST.json").read_text())["options"]["bits"] == 8


@pytest.mark.parametrize("is_folder", [False, True])
def test_nothing_is_left_of_a_target_that_fails(registered, tmp_path, is_folder):
    def fail(*args):
        raise ZeroDivisionError

    registered(lambda graph, settings: Plan(fail, runner(graph)), is_folder=is_folder)
    with pytest.raises(ZeroDivisionError):
        export.export(network(), tmp_path / "x", "test")
    assert not list(tmp_path.iterdir())


def test_inputs_are_checked(tmp_path):
    with pytest.raises(snnconv.errors.InputError, match="must have shape"):
        export.export(network(), tmp_path / "x", "nir", x=np.zeros((3, 4)))
    with pytest.raises(ParameterError, match="n_steps"):
        export.export(network(), tmp_path / "x", "nir", n_steps=0)


def test_initial_voltages_are_kept_or_named(tmp_path):
    """Calibrated networks start at half the threshold: Nengo can do so, NIR and Lava have no word for it."""
    graph = snnconv.calibrate(
        network(snnconv.neurons.IF(min_voltage=-np.inf), 0.5), np.random.default_rng(0).random((9, 5)), spikes="binary"
    )
    assert graph["lif"].initial_voltage == 0.5
    assert "exact" in str(export.export(graph, tmp_path / "net", "nengo"))
    for target in ("nir", "lava"):
        with pytest.raises(ExportError, match="the initial voltage of 'lif'"):
            export.export(graph, tmp_path / f"net.{target}", target)
        verdict = export.export(graph, tmp_path / f"net.{target}", target, approximate=True)
        assert "the initial voltage of 'lif' (left out)" in str(verdict)
    for target in ("params", "c", "verilog"):
        integers = quantize.load(export_folder(graph, tmp_path / target, target) / "network.int.h5")
        layer = integers.populations["lif"]
        assert (layer.start == np.rint(layer.threshold / 2)).all()


def export_folder(graph, folder, target):
    export.export(graph, folder, target)
    return folder
