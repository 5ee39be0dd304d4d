"""Single bits of the circuit's memories changed: the test bench finds each that changes a voltage, a spike or a sum.

Which do is found out by the NumPy loop, with the changed number in the place of the right one.
"""

import dataclasses
import json
import shutil
import subprocess

import numpy as np
import pytest

from snnconv.export import export
from snnconv.quantize import Range, load, run
from snnconv.quantize.nodes import with_ranges

from ..helpers.integer_networks import random_line

N_STEPS, N_MUTATIONS = 30, 200


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("circuit") / "net"
    export(random_line(0), path, "verilog", n_steps=N_STEPS)
    return path


def numbers(text, bits):
    words = np.array([int(line, 16) for line in text.split()], "int64")
    return np.where(words >> (bits - 1), words - (1 << bits), words)


def everything(graph, x):
    """Voltages, spikes and sums of a run, with numbers in it that no proof is about."""
    wide = Range(-(1 << 62), 1 << 62)
    nodes = tuple(with_ranges(node, dict.fromkeys(node.ranges, wide)) for node in graph.nodes)
    result = run(dataclasses.replace(graph, nodes=nodes), x, N_STEPS, record="all")
    arrays = (*result.spikes.values(), *result.voltages.values(), result.output.cumsum(1))
    return np.concatenate([array.reshape(-1) for array in arrays])


def changed(graph, file, words):
    """The integer graph with the numbers of a memory in the place of its own; one lane."""
    number, what = file.removeprefix("mem/layer").removesuffix(".mem").split("_", 1)
    layer = graph.nodes[int(number)]
    if what == "weights":
        n_inputs = int(np.prod(layer.kernel.shape[:-1]))
        kernel = words.reshape(-1, n_inputs).T.reshape(layer.kernel.shape)
        other = dataclasses.replace(layer, kernel=kernel)
    elif what == "bias":
        other = dataclasses.replace(layer, bias=np.resize(words, layer.n_neurons).reshape(layer.shape))
    else:
        array = np.resize(words, layer.n_neurons).reshape(layer.shape)
        other = dataclasses.replace(layer, neuron=dataclasses.replace(layer.neuron, **{what: array}))
    return dataclasses.replace(graph, nodes=tuple(other if node is layer else node for node in graph.nodes))


@pytest.mark.full
@pytest.mark.skipif(shutil.which("iverilog") is None, reason="there is no iverilog")
def test_every_bit_that_changes_a_number_is_found(folder, tmp_path):
    rng = np.random.default_rng(0)
    graph = load(folder / "network.int.h5")
    widths = json.loads((folder / "MANIFEST.json").read_text("utf-8"))["bits_and_lanes_of_mem"]
    codes = numbers((folder / "golden/inputs.mem").read_text("utf-8"), 62).reshape(-1, *graph.input.shape)
    x = codes * graph.input.code.step
    right = everything(graph, x)
    copy = tmp_path / "net"
    shutil.copytree(folder, copy)
    sources = ["tb.v", *(f"rtl/{file.name}" for file in sorted((copy / "rtl").glob("*.v")))]
    subprocess.run(["iverilog", "-g2005", "-s", "tb", "-o", "sim.vvp", *sources], cwd=copy, check=True)
    bits = [
        (file, line, bit)
        for file, (width, lanes) in widths.items()
        if lanes == 1
        for line in range(len((folder / file).read_text().split()))
        for bit in range(width)
    ]
    missed, alarms, n_changing = [], [], 0
    for number in rng.choice(len(bits), N_MUTATIONS, replace=False):
        file, line, bit = bits[number]
        lines = (folder / file).read_text().split()
        lines[line] = f"{int(lines[line], 16) ^ 1 << bit:x}"
        words = numbers("\n".join(lines), widths[file][0])
        matters = not np.array_equal(everything(changed(graph, file, words), x), right)
        (copy / file).write_text("\n".join(lines) + "\n", "utf-8")
        done = subprocess.run(["vvp", "-n", "sim.vvp"], cwd=copy, capture_output=True, text=True, check=False)
        shutil.copy(folder / file, copy / file)
        found = "PASS" not in done.stdout
        n_changing += matters
        if matters and not found:
            missed.append((file, line, bit))
        if found and not matters:
            alarms.append((file, line, bit))
    assert (missed, alarms) == ([], [])
    assert n_changing > N_MUTATIONS / 2  # others: of thresholds that no voltage comes near, of silent neurons
