"""``snnconv env``: versions, devices, and what is missing, for reports of faults."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from typing import Any

from .._version import __version__
from ..text.plain import plural
from .options import Json

VARIABLES = ("KERAS_BACKEND", "CUDA_VISIBLE_DEVICES", "TF_FORCE_GPU_ALLOW_GROWTH", "XLA_FLAGS", "TF_CPP_MIN_LOG_LEVEL")
PROGRAMS = {
    "cc": "compiles programs of --target c",
    "make": "builds folders of c and verilog",
    "iverilog": "simulates circuits",
}
PURPOSES = {  # of the extras that users install
    "plot": "figures",
    "frames": "spikes as tables",
    "notebook": "notebooks",
    "nengo": "measuring what --target nengo writes",
}


def env(json: Json = False) -> None:
    """Print versions, devices and what is missing, for a report of a fault.

    Examples:

    - `snnconv env`

    - `snnconv env --json`
    """
    from .screen import print_json, say

    found = environment()
    if json:
        print_json(found)
        return
    lines = list(_lines(found))
    width = max(len(name) for name, _ in lines) + 2
    for name, text in lines:
        say(f"{name:<{width}}{text}", indent=width)


def _lines(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The environment in words: a name and what is to be said of it."""
    yield "snnconv", found["snnconv"]
    yield "python", f"{found['python']} ({found['executable']})"
    yield "platform", f"{found['platform']}, {plural(found['cpus'], 'CPU')}"
    for name, installed in found["packages"].items():
        yield name, installed or f"missing: pip install {name}"
    if found["error"]:
        yield "devices", f"unknown, as TensorFlow cannot be imported: {found['error']}"
    else:
        yield "devices", f"{', '.join(found['devices'])}; Keras runs on {found['backend']}"
    for name, each in found["extras"].items():
        missing = ", ".join(each["missing"])
        yield f"[{name}]", f"missing for {each['purpose']}: pip install {missing}" if missing else "installed"
    for name, each in found["programs"].items():
        yield name, each["path"] or f"missing; it {each['purpose']}"
    for name, value in found["variables"].items():
        yield name, value


def environment() -> dict[str, Any]:
    """Versions, devices, extras, programs and variables, in types that JSON can hold."""
    import platform  # here, as those below: --help imports this module

    packages, extras = _required()
    devices, backend, error = _devices()
    return {
        "snnconv": __version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "packages": {name: _installed(name) for name in packages},
        "devices": devices,
        "backend": backend,
        "error": error,
        "extras": {
            name: {"purpose": purpose, "missing": [each for each in extras.get(name, ()) if _installed(each) is None]}
            for name, purpose in PURPOSES.items()
        },
        "programs": {name: {"purpose": use, "path": shutil.which(name)} for name, use in PROGRAMS.items()},
        "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ},
    }


def _required() -> tuple[list[str], dict[str, list[str]]]:
    """Names of the packages that snnconv needs, and those of each extra; none where it is not installed."""
    from importlib import metadata

    try:
        lines = metadata.requires("snnconv") or []
    except metadata.PackageNotFoundError:
        lines = []
    packages: list[str] = []
    extras: dict[str, list[str]] = {}
    for line in lines:
        name = re.split(r"[^\w.-]", line, maxsplit=1)[0]
        extra = re.search(r"extra == ['\"]([^'\"]+)", line)
        if extra is None:
            packages.append(name)
        elif name != "snnconv":
            extras.setdefault(extra[1], []).append(name)
    return packages, extras


def _installed(package: str) -> str | None:
    """The version of an installed package, or None."""
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _devices() -> tuple[list[str], str | None, str | None]:
    """Devices that TensorFlow finds, the backend of Keras, and why neither can be had."""
    from .app import import_tensorflow

    try:
        import_tensorflow()
    except (ImportError, OSError) as error:  # a missing package, or a library that does not fit
        return [], None, " ".join(str(error).split())
    import keras
    import tensorflow as tf

    devices = [f"{device.device_type} {device.name.rpartition(':')[2]}" for device in tf.config.list_physical_devices()]
    return devices, keras.backend.backend(), None
