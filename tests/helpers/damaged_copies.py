"""Damaged copies of a file, and a process that reads them; `test_fuzz` runs it.

``python -m tests.helpers.damaged_copies FOLDER FILE FIRST LAST`` reads the copies of FILE from number FIRST up to LAST,
and prints a line of JSON before and after each one. ``python -m tests.helpers.damaged_trial N [FILE…]`` counts what
became of N copies of each kind of file.
"""

import functools
import io
import json
import os
import resource
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import h5py
import numpy as np

from .damaged_texts import damage_json, damage_npy, damage_npz, damage_toml

MEMORY = 3 << 30  # bytes of addresses that reading may take beyond what Python and TensorFlow have at the start
PEAK = 1 << 30  # bytes of memory that the process may really take, TensorFlow with it
OTHERS = {".npy": damage_npy, ".npz": damage_npz, ".toml": damage_toml}


def damage(source: Path, target: Path, n: int) -> str:
    """Write copy number `n` of `source`, and say what was done to it."""
    rng = np.random.default_rng([7, n])
    ways = [flip_bytes, cut_short, blank_out, insert_bytes]
    if source.suffix in OTHERS:
        ways = [OTHERS[source.suffix]]
    elif source.suffix == ".keras":
        ways = [flip_bytes, cut_short, change_config, change_config, change_weights, change_weights]
    else:
        ways += [change_config, change_objects, change_objects, change_objects]
    way = ways[rng.integers(len(ways))]
    shutil.copy(source, target)
    way(target, rng)
    return way.__name__


def flip_bytes(path, rng):
    data = bytearray(path.read_bytes())
    # metadata stands at the start of HDF5 files and between arrays: half of the copies are damaged there alone
    end = len(data) if rng.random() < 0.5 else min(len(data), 4000)
    for _ in range(rng.integers(1, 20)):
        data[rng.integers(end)] = rng.integers(256)
    path.write_bytes(data)


def cut_short(path, rng):
    data = path.read_bytes()
    path.write_bytes(data[: rng.integers(len(data))])


def blank_out(path, rng):
    data = bytearray(path.read_bytes())
    start, length = rng.integers(len(data)), rng.integers(1, 2000)
    data[start : start + length] = bytes([rng.choice([0, 255])]) * len(data[start : start + length])
    path.write_bytes(data)


def insert_bytes(path, rng):
    data = path.read_bytes()
    at = rng.integers(len(data))
    path.write_bytes(data[:at] + rng.bytes(rng.integers(1, 100)) + data[at:])


def change_config(path, rng):
    """Damage JSON, or any attribute where there is no JSON."""
    if path.suffix == ".keras":
        members = members_of(path)
        members["config.json"] = damage_json(members["config.json"].decode(), rng).encode()
        write_members(path, members)
        return
    with h5py.File(path, "a") as file:
        if "model_config" in file.attrs:
            text = file.attrs["model_config"]
            file.attrs["model_config"] = damage_json(text.decode() if isinstance(text, bytes) else text, rng)
        else:
            change_attribute(file, rng)


def change_weights(path, rng):
    """Damage the HDF5 file in a .keras file."""
    members = members_of(path)
    inner = path.with_name("inner.h5")
    inner.write_bytes(members["model.weights.h5"])
    [flip_bytes, cut_short, change_objects][rng.integers(3)](inner, rng)
    members["model.weights.h5"] = inner.read_bytes()
    write_members(path, members)


def change_objects(path, rng):
    """Remove, rename or replace something in an HDF5 file that stays whole as such."""
    with h5py.File(path, "a") as file:
        datasets, groups = [], [file]
        file.visititems(lambda _, found: (datasets if isinstance(found, h5py.Dataset) else groups).append(found))
        dataset = datasets[rng.integers(len(datasets))]
        name, shape, parent = dataset.name, dataset.shape, dataset.parent
        way = rng.integers(9)
        if way == 0:
            change_attribute(groups[rng.integers(len(groups))], rng)
            return
        if way == 1 and len(groups) > 1:
            del file[groups[rng.integers(1, len(groups))].name]
            return
        del file[name]
        if way == 2:
            parent.create_dataset(name, [10 ** rng.integers(1, 12) for _ in shape or (1,)], "float32", chunks=True)
        elif way == 3:
            parent.create_dataset(name, (10 ** rng.integers(3, 14),), "float64", chunks=(1000,), compression="gzip")
        elif way == 4:
            file[name] = rng.normal(size=[max(1, size + rng.integers(-1, 2)) for size in shape])
        elif way == 5:
            file[name] = np.full(shape, [np.nan, np.inf, 1e38, -1e38][rng.integers(4)], "float32")
        elif way == 6:
            file[name] = np.array(["text"] * 3, h5py.string_dtype()) if rng.random() < 0.5 else np.zeros(shape, "c8")
        elif way == 7:
            file[name] = h5py.SoftLink([name, "/", "/nowhere"][rng.integers(3)])
        else:
            file[name] = np.zeros(shape, ["int8", "float16", "float64", "bool", "uint64"][rng.integers(5)])


def change_attribute(group, rng):
    names = sorted(group.attrs)
    if not names:
        group.attrs["kind"] = "Dense"
        return
    name = names[rng.integers(len(names))]
    values = [None, -1, 10**15, np.nan, "text", "", b"\xff\xfe", np.zeros(0), np.arange(5), [1, 2], h5py.Empty("f")]
    value = values[rng.integers(len(values))]
    del group.attrs[name]
    if value is not None:
        group.attrs[name] = value


def members_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_members(path, members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    path.write_bytes(buffer.getvalue())


def read(path):
    """Use a file as a user would: its network, and what that computes."""
    import snnconv

    if path.suffix in (".npy", ".npz"):
        from snnconv.cli.samples import as_inputs, read_arrays

        graph = _graph(path.with_name("graph.snn.h5"))
        return graph.check_inputs(as_inputs(read_arrays(path), graph), "float32")
    if path.suffix == ".toml":
        from snnconv.training import config

        return config.load_settings(path) if "[data]" not in path.read_text(errors="replace") else config.load(path)
    if path.name.endswith(".int.h5"):
        integers = snnconv.quantize.load(path)
        return snnconv.quantize.run(integers, np.zeros((1, *integers.input.shape)), 2)
    graph = snnconv.load(path) if path.name.endswith(".snn.h5") else snnconv.convert(path, verbose=False)
    inputs = {node.name: np.ones((2, *node.shape), "float32") for node in graph.inputs}
    return graph.rate_output(inputs)


@functools.cache
def _graph(path):
    import snnconv

    return snnconv.load(path)


def outcome(path):
    """What became of reading a copy: "read", "refused: …", or what must not happen."""
    from snnconv.errors import SnnconvError

    try:
        with np.errstate(all="ignore"):
            read(path)
    except SnnconvError as error:
        message = str(error)
        if not message or "\n" in message or len(message) >= 1500:
            return f"LONG: {message}"
        return f"refused: {message}" if peak() < PEAK else f"LARGE: {message}"
    except Exception as error:
        return f"RAISED {type(error).__name__}: {error}"
    return "read" if peak() < PEAK else "LARGE"


def peak():
    """Bytes of memory that the process has taken at most."""
    # getrusage would count what the process had before this program was started in it
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


def limit_memory():
    """Let the process take no more than MEMORY above what it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def main(folder, name, first, last):
    source = Path(folder) / name
    read(source)  # imports and compiles what it needs, before memory is limited
    limit_memory()
    suffix = next((ending for ending in (".snn.h5", ".int.h5") if name.endswith(ending)), source.suffix)
    for n in range(int(first), int(last)):
        target = Path(folder) / f"copy{suffix}"
        way = damage(source, target, n)
        print(json.dumps({"n": n, "way": way}), flush=True)
        became = outcome(target)
        print(json.dumps({"n": n, "way": way, "outcome": became, "peak": peak()}), flush=True)
        if became.startswith("LARGE"):
            return  # the copies behind it are read in a process with another peak


SECONDS_PER_COPY, SECONDS_TO_START = 20, 300
COPIES_PER_PROCESS = 2000  # Keras keeps something of every model that it builds


def read_copies(folder, name, first, last):
    """What became of each copy; a process that died or hung is started again behind the copy that did it."""
    outcomes = {}
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "3"}
    while first < last:
        until = min(last, first + COPIES_PER_PROCESS)
        command = [sys.executable, "-m", "tests.helpers.damaged_copies", str(folder), name, str(first), str(until)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        ) as process:
            assert process.stdout is not None
            timer = threading.Timer(SECONDS_TO_START, process.kill)
            timer.start()
            latest = None
            for line in process.stdout:
                if not line.startswith('{"n": '):
                    continue  # converting may print what it did
                timer.cancel()
                latest = json.loads(line)
                outcomes[latest["n"]] = latest
                timer = threading.Timer(SECONDS_PER_COPY, process.kill)
                timer.start()
            timer.cancel()
            code = process.wait()
        assert latest is not None, f"reading {name} failed before it was damaged (exit code {code})"
        if "outcome" not in latest:
            latest["outcome"] = f"DIED with exit code {code}"
        first = latest["n"] + 1
    return outcomes


def faults(outcomes):
    """What must not happen, by number of the copy."""
    return {n: o for n, o in outcomes.items() if o["outcome"] != "read" and not o["outcome"].startswith("refused: ")}


def check(folder, name, first, last):
    outcomes = read_copies(folder, name, first, last)
    assert len(outcomes) == last - first
    bad = faults(outcomes)
    assert not bad, f"{len(bad)} of {len(outcomes)} damaged copies of {name}: {list(bad.values())[:20]}"
    assert any(o["outcome"] != "read" for o in outcomes.values())


if __name__ == "__main__":
    main(*sys.argv[1:])
