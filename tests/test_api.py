"""The four functions that take a model, a path or a graph; and the names they are found under."""

import dataclasses
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv import api, certificates, tuning
from snnconv.errors import ConversionError, ConversionWarning, ModelFileError
from snnconv.graph import Filter, Population

X = np.random.default_rng(0).random((3, 6))


@pytest.fixture(scope="module")
def forms(tmp_path_factory):
    """One network as a Keras model, a graph, and a file of each."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((6,), name="x"), kl.Dense(5, name="hidden"), snnconv.layers.LIF(name="lif"), kl.Dense(3)]
    )
    folder = tmp_path_factory.mktemp("forms")
    graph = snnconv.convert(model, verbose=False)
    model.save(folder / "model.keras")
    graph.save(folder / "model.snn.h5")
    return {"model": model, "model file": folder / "model.keras", "graph": graph, "graph file": folder / "model.snn.h5"}


@pytest.mark.parametrize("form", ["model", "model file", "graph", "graph file"])
class TestEveryFormOfANetwork:
    def test_can_be_explained(self, forms, form):
        found = api.explain(forms[form], "lif", 1, X, n_steps=20)
        expected = api.explain(forms["graph"], "lif", 1, X, n_steps=20)
        assert found.unit == expected.unit
        assert found.trace == expected.trace

    def test_can_be_viewed(self, forms, form):
        found = api.view(forms[form], X, n_steps=20)
        assert found.to_dict() == api.view(forms["graph"], X, n_steps=20).to_dict()
        assert found.html.startswith("<!DOCTYPE html>")

    def test_can_be_verified(self, forms, form):
        found = api.verify(forms[form], X, n_steps=20)
        assert found.passed
        assert found.n_samples == 3
        assert found.compared_with_keras == form.startswith("model"), "a graph has no Keras model"


def test_functions_of_a_graph_take_its_step(forms):
    graph = dataclasses.replace(forms["graph"], metadata={"dt": "0.002"})  # any other step warns, which is an error
    neuron = snnconv.neurons.IF(min_voltage=-np.inf)
    swapped = [dataclasses.replace(n, neuron=neuron) if isinstance(n, Population) else n for n in graph.nodes]
    spikes = snnconv.reference.run(graph, X, 5, record="all").spikes
    tuned = snnconv.tune(graph, X, n_steps=5, scales=(1,), synapses=(None,), calibrate=(), progress=False)
    assert snnconv.diagnose(graph, X, spikes).equal
    assert graph.explain().dt == snnconv.energy(graph, X, 5, progress=False).dt == tuned.chosen.setting.dt == 0.002
    assert isinstance(snnconv.doctor(graph, X, n_steps=5, progress=False), list)
    assert len(certificates.settled_steps(dataclasses.replace(graph, nodes=tuple(swapped)), X)) == len(X)
    assert tuning.apply(graph, 1.0, calibrate=X, calibrate_steps=5).dt == 0.002


def test_a_path_converts_as_the_model_in_it(forms):
    graph = api.convert(forms["model file"], verbose=False)
    np.testing.assert_array_equal(graph.rate_output(X), forms["graph"].rate_output(X))


def test_only_a_model_file_converts(forms):
    with pytest.raises(ModelFileError, match=r"model\.snn\.h5"):
        api.convert(forms["graph file"])
    with pytest.raises(ConversionError, match="takes a Keras model or the path of one. Received SpikingGraph"):
        api.convert(forms["graph"])


def test_the_variables_of_a_model_in_a_file_are_told(forms):
    told = [variable.path.split("/")[-2:] for variable in api.explain(forms["model file"]).variables]
    assert told == [variable.path.split("/")[-2:] for variable in forms["model"].variables]


def test_a_warning_of_other_rates_points_at_the_caller():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), kl.Dense(5, activation="gelu"), kl.Dense(3)])
    with pytest.warns(ConversionWarning, match="with swapped activations") as caught:
        api.convert(model, swap_activations={"gelu": snnconv.neurons.IF()}, verbose=False)
    assert [each.filename for each in caught] == [__file__]


def test_a_chosen_rate_scale_is_no_choice_of_calibration(forms):
    graph = api.convert(
        forms["model"], scale_firing_rates=2.0, calibrate=X, calibrate_steps=8, verbose=False, synapse=0.002
    )
    assert graph.populations["lif"].neuron.tau_rc == pytest.approx(0.01), "half of what was trained, once"
    assert [node.synapse.tau for node in graph.nodes if isinstance(node, Filter)] == [0.002]


def test_importing_it_loads_neither_keras_nor_tensorflow():
    code = "import sys, snnconv.api; print(sorted({'keras', 'tensorflow', 'scipy'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("module", "names"),
    [("viewer", "View view"), ("verification", "LayerCheck Verification random_inputs verify")],
)
def test_the_short_names_of_modules_hold_what_they_held(module, names):
    for name in names.split():
        assert getattr(getattr(snnconv, module), name) is getattr(api, name)
