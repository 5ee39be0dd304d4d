"""Model files that name what must not run: each would write a file called "mark.png" if Keras did what its config says.

``python -m tests.helpers.hostile_files FOLDER`` writes them all, has Keras itself load them, and prints which ones ran;
this shows what a version of Keras lets through. `tests/conversion/test_files_hostile.py` has snnconv read them.
"""

import copy
import json
import os
import sys
import zipfile
from pathlib import Path

import keras
from keras import layers as kl
from keras.src.backend.common import global_state

import snnconv

MARK = "mark.png"
MODULE = f"""\
open({MARK!r}, "w").close()
def relu(*args, **kwargs):
    open({MARK!r}, "w").close()
class Evil:
    from_config = classmethod(relu)
    _deserialize = classmethod(relu)
class LIF(Evil): pass
class Dense(Evil): pass
"""


def function(name, module="evil_module", registered_name="function"):
    return {"module": module, "class_name": "function", "config": name, "registered_name": registered_name}


def entry(name, config=None, module="evil_module", registered_name=None, **more):
    return {"module": module, "class_name": name, "config": config or {}, "registered_name": registered_name, **more}


def layer(name, module="keras.layers", **config):
    return entry(name, {"name": "evil", **config}, module)


def saver():
    """An operation that calls one of its arguments with the others, where Keras builds the model."""
    picture = {"class_name": "__numpy__", "config": {"value": [[[1.0], [2.0]]], "dtype": "float32"}}
    arguments = [0, [function("save_img", "keras.utils", "save_img")], MARK, picture]
    nodes = [{"args": arguments, "kwargs": {}}]
    return entry("Switch", {"name": "evil"}, "keras.src.ops.core", inbound_nodes=nodes)


def payloads():
    """Values of JSON by what they are, each naming something that is not allowed anywhere in a config."""
    code = {"code": "4wAAAAA=", "defaults": None, "closure": None}
    tuning = {"vocabulary": "/etc/hostname"}
    return {
        "class": entry("Evil"),
        "class_registered_as_ours": entry("Evil", registered_name="LIF"),
        "class_with_our_name": entry("LIF", registered_name="evil"),
        "class_with_keras_name": entry("Dense", {"units": 2}),
        "class_registered_elsewhere": entry("Dense", {"units": 2}, "keras.layers", "evil_module>Dense"),
        "class_without_a_module": entry("Evil", module=None),
        "function": function("relu"),
        "function_by_registered_name": function("relu", registered_name="relu"),
        "function_of_os": function("system", "os", "system"),
        "function_that_loads": function("load_model", "keras.saving", "load_model"),
        "function_that_downloads": function("get_file", "keras.utils", "get_file"),
        "function_that_saves": function("save_img", "keras.utils", "save_img"),
        "function_of_keras_as_class": entry("save_img", module="keras.utils"),
        "unsafe_switch": function("enable_unsafe_deserialization", "keras.config"),
        "switch_as_class": entry("enable_unsafe_deserialization", module="keras.config"),
        "code": {"class_name": "__lambda__", "config": code},
        "code_as_value": {"class_name": "__lambda__", "config": {"value": code["code"]}},
        "typespec": entry("__typespec__", [], spec_name="Evil") | {"config": []},
        "lambda": layer("Lambda", function={"class_name": "__lambda__", "config": code}),
        "lambda_of_function": layer("Lambda", function=function("relu")),
        "operation_that_writes": saver(),
        "pipeline": layer("Pipeline", layers=[entry("Evil")]),
        "vectorization": layer("TextVectorization", standardize=function("relu"), split=function("relu")),
        "vocabulary": layer("StringLookup", **tuning),
        "integer_vocabulary": layer("IntegerLookup", **tuning),
        "jax": layer("JaxLayer", call_fn=function("relu"), init_fn=function("relu")),
        "flax": layer("FlaxLayer", module=entry("Evil"), method="x"),
        "torch": layer("TorchModuleWrapper", module="gASVAAAAAA=="),
        "saved_model": layer("TFSMLayer", filepath="model", call_endpoint="serve"),
        "saved_model_by_its_module": layer("TFSMLayer", "keras.src.export.tfsm_layer", filepath="model"),
        "feature_space": entry("FeatureSpace", {"features": {"x": entry("Evil")}}, "keras.utils"),
        "no_class": {"class_name": None, "config": {}, "module": "evil_module", "registered_name": "Evil"},
        "function_without_name": {**function("relu"), "config": None},
        "object_array": {"class_name": "__numpy__", "config": {"value": [[]], "dtype": "S2000000000"}},
    }


def _layers(config):
    return {each["name"]: each for each in config["config"]["layers"]}


def _argument(config):
    return _layers(config)["readout"]["inbound_nodes"][0]


def _inner(config):
    return _layers(config)["inner"]["config"]["layers"][1]


PLACES = {
    "argument": lambda c, p: _argument(c)["args"].append(p),
    "argument_in_a_list": lambda c, p: _argument(c)["args"].append([[p]]),
    "argument_by_name": lambda c, p: _argument(c)["kwargs"].update(training=p),
    "argument_in_a_dictionary": lambda c, p: _argument(c)["kwargs"].update(training={"a": p}),
    "argument_in_a_slice": lambda c, p: _argument(c)["args"].append(
        {"class_name": "__slice__", "config": {"start": p, "stop": None, "step": None}}
    ),
    "argument_of_an_inner_layer": lambda c, p: _inner(c)["inbound_nodes"][0]["kwargs"].update(training=p),
    "input": lambda c, p: c["config"].update(input_layers=[p]),
    "output": lambda c, p: c["config"].update(output_layers=p),
    "layer": lambda c, p: c["config"]["layers"].append({"inbound_nodes": [], **p, "name": "evil"}),
    "layer_of_a_wrapper": lambda c, p: _layers(c)["each"]["config"].update(layer=p),
    "setting": lambda c, p: _layers(c)["dense"]["config"].update(units=p),
    "activation": lambda c, p: _layers(c)["dense"]["config"].update(activation=p),
    "type": lambda c, p: _layers(c)["dense"]["config"].update(dtype={**p, "config": {"a": p}}),
    "factor": lambda c, p: _layers(c)["scaled"]["config"].update(scale=p),
    "setting_of_a_registered_layer": lambda c, p: _layers(c)["lif"]["config"].update(amplitude=p),
    "building_of_a_registered_layer": lambda c, p: _layers(c)["lif"].update(build_config={"input_shape": p}),
    "model": lambda c, p: (c.clear(), c.update(p)),
}
UNREAD = {  # places that nothing of a file reaches Keras from
    "compilation": lambda c, p: c.update(compile_config=p),
    "initializer": lambda c, p: _layers(c)["dense"]["config"].update(kernel_initializer=p),
    "building": lambda c, p: _layers(c)["dense"].update(build_config={"input_shape": p}),
    "compilation_of_an_inner_model": lambda c, p: _layers(c)["inner"].update(compile_config=p),
}


def model():
    """A network with a layer of every kind that can hold something else."""
    x = keras.Input((4, 3), name="x")
    y = kl.TimeDistributed(kl.Dense(3), name="each")(kl.Rescaling(0.5, name="scaled")(x))
    inside = keras.Input((3,))
    inner = keras.Model(inside, kl.Dense(3)(kl.ReLU()(inside)), name="inner")
    y = kl.Dense(3, name="dense")(inner(kl.Flatten()(y)[:, :3]))
    y = snnconv.layers.LIF(name="lif")(y)
    return keras.Model(x, kl.Dense(2, name="readout")(y))


def write_files(folder, places):
    """All hostile files for some places: of what, and where it is."""
    (folder / "evil_module.py").write_text(MODULE)
    model().save(folder / "model.keras")
    with zipfile.ZipFile(folder / "model.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    for place, change in places.items():
        for what, payload in payloads().items():
            changed = copy.deepcopy(config)
            change(changed, copy.deepcopy(payload))
            path = folder / f"{place}-{what}.keras"
            with zipfile.ZipFile(path, "w") as archive:
                for name, data in parts.items():
                    archive.writestr(name, json.dumps(changed) if name == "config.json" else data)
            yield place, what, path


def ran(folder):
    """Whether something did, and forget it."""
    was_switched = global_state.get_global_attribute("safe_mode_saving") is False
    global_state.set_global_attribute("safe_mode_saving", None)
    was_loaded = sys.modules.pop("evil_module", None) is not None
    was_marked = (folder / MARK).exists()
    (folder / MARK).unlink(missing_ok=True)
    return was_loaded or was_marked or was_switched


def main(folder):
    """Have Keras load them."""
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    n, bad = 0, []
    for place, what, path in write_files(folder, {**PLACES, **UNREAD}):
        n += 1
        try:
            keras.saving.load_model(path, compile=False)
        except Exception as error:
            del error
        if ran(folder):
            bad.append(f"{place}-{what}")
    print(f"Keras {keras.__version__}: {len(bad)} of {n} ran: {' '.join(bad)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
