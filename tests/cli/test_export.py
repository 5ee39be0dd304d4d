"""``snnconv export``: options of targets, the verdict, and how it refuses."""

import re

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv import export, quantize
from snnconv.errors import ExportError
from snnconv.files.manifest import read_manifest
from snnconv.neurons import LIF
from snnconv.runtime import reference

from ..helpers.command import fails, run
from ..helpers.integer_networks import Line, random_line
from ..helpers.networks import forum_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network with what NIR cannot hold, one without, and one that no target but ours can hold."""
    folder = tmp_path_factory.mktemp("models")
    snnconv.convert(forum_model(), verbose=False).save(folder / "forum.snn.h5")
    keras.utils.set_random_seed(0)
    lif = snnconv.layers.LIF(100.0, tau_ref=0.0, min_voltage=-float("inf"), name="lif")
    plain = keras.Sequential([keras.Input((6,)), kl.Dense(5), lif, kl.Dense(3)])
    snnconv.convert(plain, verbose=False).save(folder / "plain.snn.h5")
    pooled = [
        keras.Input((4, 4, 1)),
        snnconv.layers.LIF(name="lif"),
        kl.MaxPooling2D(name="pool"),
        kl.Dense(2, "tanh", name="tanh"),
        kl.Flatten(),
        kl.Dense(2),
    ]
    snnconv.convert(keras.Sequential(pooled), verbose=False).save(folder / "pooled.snn.h5")
    np.save(folder / "x.npy", np.random.default_rng(0).random((20, 6)) * 3)
    np.savez(folder / "x.npz", x=np.random.default_rng(0).random((20, 6)) * 3)
    return folder


def test_an_exact_export_says_so(folder, tmp_path):
    printed = run("export", folder / "plain.snn.h5", "-t", "nir", "-o", tmp_path / "x.nir", "--data", folder / "x.npy")
    graph = snnconv.load(folder / "plain.snn.h5")
    spikes = reference.run(graph, np.load(folder / "x.npy")[:8], 100, record="lif").spikes["lif"].sum()
    assert spikes > 50
    assert f"Wrote {tmp_path / 'x.nir'} (nir, " in printed
    assert re.search(rf"lif +{spikes} +{spikes} +0\.0%", printed)
    assert "Note: its readers step with dt=0.0001 (Norse: from_nir(graph, dt=0.0001)), which stands for 1 ms" in printed
    verdict = f"Fidelity: exact: all {spikes} spikes are those of the float network"
    assert f"{verdict} (8 samples of the given data, 100 steps of 1 ms)." in printed


def test_a_refusal_writes_nothing_and_says_how_to_go_on(folder, tmp_path):
    out = tmp_path / "x.nir"
    message = r"target 'nir' cannot hold the refractory period of 'lif'; the voltage floor of 'lif'\..*--approximate"
    fails(message, "export", folder / "forum.snn.h5", "-t", "nir", "-o", out)
    assert not out.exists()
    printed = run("export", folder / "forum.snn.h5", "-t", "nir", "-o", out, "--approximate", "--steps", 50)
    assert re.search(
        r"Fidelity: approximate: [\d.]+% of spikes and \d of 8 predictions differ from the float network, the mean "
        r"output by [\d.]+% \(8 random samples in 0…1, 50 steps of 1 ms\)\. Not held: the refractory period of 'lif' "
        r"\(left out\); the voltage floor of 'lif' \(left out\)\.",
        printed,
    )
    assert out.exists()


def test_everything_in_the_way_is_named_at_once(folder, tmp_path):
    message = (
        r"cannot hold the refractory period of 'lif'; the voltage floor of 'lif'; the max pooling of 'pool'; the Tanh "
        r"neurons of 'tanh'\..*There is no approximation of the max pooling of 'pool'; the Tanh neurons of 'tanh'\."
    )
    for more in ([], ["--approximate"]):
        fails(message, "export", folder / "pooled.snn.h5", "-t", "nir", "-o", tmp_path / "x.nir", *more)


@pytest.mark.parametrize("arguments", [["--importer-dt", "0.001", "--dtype=float32"], ["--dtype", "float32"]])
def test_options_of_a_target_stand_anywhere(folder, tmp_path, arguments):
    run("export", *arguments, folder / "plain.snn.h5", "-o", tmp_path / "x.nir", "-t", "nir")
    expected = 0.001 if "--importer-dt" in arguments else 1e-4
    assert snnconv.read_nir(tmp_path / "x.nir").metadata["nir.importer_dt"] == str(expected)


def test_a_switch_takes_no_value(folder, tmp_path):
    out = tmp_path / "x"
    run("export", "--synapse-delay", folder / "forum.snn.h5", "-t", "nengo", "--synapse", 0.005, "-o", out)
    assert read_manifest(out)["options"] == {"synapse_delay": True}


@pytest.mark.parametrize("option", [("--calibrate-steps", 4), ("--spikes", "binary")])
def test_how_to_calibrate_needs_samples(folder, tmp_path, option):
    out = tmp_path / "x.snn.h5"
    fails("Name the samples .*--calibrate FILE", "export", folder / "plain.snn.h5", *option, "-o", out)
    assert not out.exists()


def test_a_folder_is_replaced_only_with_force(folder, tmp_path):
    arguments = ("export", folder / "forum.snn.h5", "-t", "nengo", "-o", tmp_path / "x")
    printed = run(*arguments)
    assert f"Wrote {tmp_path / 'x'} (nengo, 3 files)" in printed
    verdict = read_manifest(tmp_path / "x")["verdict"]
    assert verdict.startswith("exact: all ")
    assert f"Fidelity: {verdict}" in printed
    fails("the folder exists. Name another, or replace it with --force", *arguments)
    run(*arguments, "--force")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    arguments = (*arguments[:-1], tmp_path / "mine", "--force")
    fails("holds files that snnconv did not write", *arguments)
    assert (tmp_path / "mine" / "thesis.tex").exists()


def test_random_samples_are_as_many_as_asked_for(folder, tmp_path):
    printed = run(
        "export", folder / "plain.snn.h5", "-t", "nir", "-o", tmp_path / "x.nir", "--samples", 3, "--steps", 9
    )
    assert "(3 random samples in 0…1, 9 steps of 1 ms)" in printed


def test_the_default_name_is_that_of_the_target(folder, tmp_path):
    (tmp_path / "net.snn.h5").write_bytes((folder / "plain.snn.h5").read_bytes())
    for target, name in [("nir", "net.nir"), ("nengo", "net_nengo")]:
        run("export", tmp_path / "net.snn.h5", "-t", target, "--samples", 2, "--steps", 5)
        assert (tmp_path / name).exists()


def test_the_list_tells_what_each_target_holds_and_lacks():
    printed = " ".join(run("export", "--list").split())
    for target in export.TARGETS.values():
        assert f"NAME{target.suffix}" in printed
        assert f"holds {target.holds}" in printed
        assert f"lacks {target.lacks}" in printed
        for option in target.options:
            assert f"{option.flag}" in printed
            assert option.type is bool or option.default == "" or f"[default: {option.default}]" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-t", "nir", "--importer-dt"], "--importer-dt needs a value: time step of the reader"),
        (["-t", "nir", "--importer-dt", "fast"], "--importer-dt must be a value of type float. Received 'fast'"),
        (["-t", "nir", "--dtype", "int8"], "--dtype must be one of float64, float32"),
        (["-t", "c", "--bits", "20"], "--bits must be a whole number from 2 to 16. Received 20"),
        (["-t", "c", "--fraction-bits", "30"], "--fraction-bits must be a whole number from 4 to 20"),
        (["-t", "json", "--importer-dt", "1"], "target 'json' has no option --importer-dt. Its options: none"),
        (["-t", "nir", "--samples", "0"], "--samples must be a whole number above 0"),
        (["-t", "nir", "--steps", "0"], "--steps must be a whole number above 0"),
        (["-t", "nir", "--data", "nowhere.npy"], "there is no file 'nowhere.npy'"),
        (["-t", "nir", "--data", "{folder}/plain.snn.h5"], "no .npy or .npz file"),
        (["-t", "nengo", "-o", "{folder}/x.npy"], "it is a file. Name another folder"),
        (["-t", "nengo", "-o", "{folder}/nowhere/x"], "there is no folder"),
        (["-t", "nir", "--frobnicate", "8"], "No such option:? .?--frobnicate"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(folder, arguments, message):
    given = [argument.format(folder=folder) for argument in arguments]
    before = sorted(folder.iterdir())
    fails(message, "export", folder / "plain.snn.h5", *given)
    assert sorted(folder.iterdir()) == before


def test_data_of_the_wrong_shape_is_refused(folder, tmp_path):
    out = tmp_path / "x.nir"
    fails("must have shape", "export", folder / "forum.snn.h5", "-t", "nir", "-o", out, "--data", folder / "x.npz")
    assert not out.exists()


@pytest.mark.parametrize("command", ["inspect", "simulate", "explain", "verify", "export", "energy", "doctor"])
def test_a_file_of_integers_is_named_with_what_reads_it(command, tmp_path):
    quantize.quantize(random_line(1)).save(tmp_path / "net.int.h5")
    fails(
        r"net\.int\.h5': it holds a network in integers, as 'snnconv quantize -o' writes it\. snnconv\.quantize\.load "
        r"reads it and snnconv\.IntegerSimulator runs it; here, name the \.snn\.h5 or Keras file that it was made from",
        command,
        tmp_path / "net.int.h5",
    )


def test_a_file_of_integers_is_no_graph_and_no_keras_model(tmp_path):
    quantize.quantize(random_line(1)).save(tmp_path / "net.int.h5")
    for load in (snnconv.load, snnconv.convert):
        with pytest.raises(snnconv.errors.ModelFileError, match=r"it holds a network in integers.*IntegerSimulator"):
            load(tmp_path / "net.int.h5")


def test_one_sample_is_one_sample(folder, tmp_path):
    arguments = ["export", folder / "plain.snn.h5", "-o", tmp_path / "c", "-t", "c", "--samples", 1, "--steps", 1]
    printed = run(*arguments, "--golden", 1)
    assert "(1 random sample in 0…1, 1 step of 1 ms)" in printed or "not measured: no neuron spikes" in printed
    assert not re.search(r"\b1 (samples|steps)\b", printed)
    assert "PASSED: 1 sample of 1 step;" in run("verify", tmp_path / "c")


def test_doubles_are_an_option_of_the_c_target(folder, tmp_path):
    arguments = ["export", folder / "plain.snn.h5", "-o", tmp_path / "c", "-t", "c", "--numbers", "double"]
    printed = run(*arguments, "--data", folder / "x.npy")
    assert "to the last bit; compiled here, its self-test passes (4 samples of 100 steps)" in printed
    assert re.search(r"Fidelity: exact: all \d+ spikes are those of the float network", printed)
    assert "--numbers NAME" in run("export", "--list")
    fails("--numbers must be one of int, double", *arguments[:-1], "float")


def test_a_range_is_advised_as_options_of_this_command(folder):
    pattern = r"inputs reach from 0\.\S+ to 2\.\S+, outside of 0…1\. Name their range: --low 0 --high 2\.\d+\.$"
    options = ("--target", "c", "--data", folder / "x.npy", "-o", folder / "wide")
    fails(pattern, "export", folder / "plain.snn.h5", *options)


def test_sums_that_do_not_fit_are_advised_as_options_of_the_target(tmp_path):
    kernel = np.random.default_rng(0).normal(size=(400, 2))
    graph = Line((4,)).dense("d", np.ones((4, 400))).neurons("n", LIF()).dense("out", kernel).graph()
    graph.save(tmp_path / "wide.snn.h5")
    options = ("export", tmp_path / "wide.snn.h5", "--target", "c", "-o", tmp_path / "c")
    fails(r"layer 'y': its total .* has 32\. Lower --longest or --bits\.$", *options, "--longest", 1 << 24)
    fails(r"layer 'y': its total .* has 32\. Lower --steps or --bits\.$", *options, "--steps", 1 << 24)
    with pytest.raises(ExportError, match="Lower longest or bits"):
        export.export(graph, tmp_path / "c", "c", longest=1 << 24)
    assert not (tmp_path / "c").exists()
