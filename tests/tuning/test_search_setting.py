"""Settings, their readouts, and their files."""

import dataclasses

import numpy as np
import pytest

import snnconv
from snnconv.errors import ConfigError, ParameterError
from snnconv.graph import Filter
from snnconv.neurons.synapses import Alpha
from snnconv.training import config
from snnconv.tuning import Readout, Setting, apply
from snnconv.tuning.search.setting import own_synapses, without_synapses, write_settings

from ..helpers.tuned import trained_digits


@pytest.fixture(scope="module")
def digits():
    return trained_digits()


# --- readouts


def test_readouts_by_hand():
    output = np.array([1.0, 3.0, 8.0]).reshape(1, 3, 1)
    read = lambda readout: readout.read(output, 0.001)[0, :, 0]  # noqa: E731
    np.testing.assert_allclose(read(Readout()), [1, 2, 4])
    np.testing.assert_allclose(read(Readout("last")), [1, 3, 8])
    np.testing.assert_allclose(read(Readout(skip=1)), [np.nan, 3, 5.5])
    low = 1 - np.exp(-0.5)
    filtered = [low * 1, low * (1 - low) + low * 3]
    np.testing.assert_allclose(read(Readout("lowpass", tau=0.002))[:2], filtered)
    assert Readout(skip=1).n_counted(3).tolist() == [0, 1, 2]
    weights = 1 - np.exp(-2 * np.arange(3, 0, -1))  # from the second step on, 4 times 0.5
    expected = [1, weights[1:] @ [1, 3] / weights[1:].sum(), weights @ [1, 3, 8] / weights.sum()]
    np.testing.assert_allclose(read(Readout(fall=0.5)), expected)
    np.testing.assert_allclose(Readout(fall=0.5).n_counted(3), [1, weights[1:].sum(), weights.sum()])


def test_readouts_are_checked():
    with pytest.raises(ParameterError, match="'mean', 'last' or 'lowpass'. Received 'max'"):
        Readout("max")
    with pytest.raises(ParameterError, match="skip is for the readout 'mean'"):
        Readout("last", skip=3)
    with pytest.raises(ParameterError, match="fall is for the readout 'mean'"):
        Readout("last", fall=3)
    with pytest.raises(ParameterError, match="tau, above 0 seconds, is for"):
        Readout("lowpass")


# --- networks of the sweep


def test_apply_takes_the_place_of_synapses_and_scales(digits):
    graph = digits[1]
    found = apply(apply(graph, 1.0, 0.01), 2.0, 0.004)
    assert [node.synapse.tau for node in found.nodes if isinstance(node, Filter)] == [0.004, 0.004]
    assert found.populations["lif1"].tau_rc == graph.populations["lif1"].tau_rc / 2
    np.testing.assert_allclose(found.rate_output(digits[2][:5]), graph.rate_output(digits[2][:5]))
    assert [node.name for node in without_synapses(found).nodes] == [node.name for node in graph.nodes]


def test_the_synapses_of_a_graph_are_known(digits):
    graph = digits[1]
    assert own_synapses(graph) == (None, False)
    assert own_synapses(apply(graph, 1, 0.01)) == (0.01, False)
    assert own_synapses(apply(graph, 1, {"lif1": 0.01})) == ({"lif1": 0.01}, False)
    assert own_synapses(snnconv.passes.add_synapses(graph, Alpha(0.01))) == (None, True)


# --- files of settings


@pytest.mark.parametrize(
    "setting",
    [
        Setting(2.0, None, Readout(), 40, 0.001),
        Setting(0.5, 0.005, Readout(skip=10), 40, 0.0005),
        Setting(1.0, None, Readout(skip=2, fall=1.25), 10, 0.001),
        Setting(1.0, {"a 'b'": 0.01, 'c"': 0.002}, Readout("lowpass", tau=0.02), 7, 0.001),
    ],
)
def test_settings_read_back_as_written(tmp_path, setting):
    path = tmp_path / "s.toml"
    write_settings(path, setting, "Chosen\nfor a test", margin=12.5)
    found = config.load_settings(path)
    assert found.conversion.scale_firing_rates == setting.scale_firing_rates
    assert found.conversion.synapse == setting.synapse
    assert Readout(**vars(found.readout)) == setting.readout
    assert (found.simulation.n_steps, found.simulation.dt) == (setting.n_steps, setting.dt)
    assert found.early_stopping is not None
    assert found.early_stopping.margin == 12.5
    assert path.read_text().startswith("# Chosen\n# for a test\n")


def test_a_training_config_holds_settings_too(tmp_path):
    (tmp_path / "t.toml").write_text('name = "x"\n[data]\ndataset = "digits"\n[conversion]\nsynapse = 0.005\n')
    assert config.load_settings(tmp_path / "t.toml").conversion.synapse == 0.005
    (tmp_path / "t.toml").write_text("[readout]\nkind = 'max'\n")
    with pytest.raises(ConfigError, match=r"\[readout\] kind has no choice 'max'"):
        config.load_settings(tmp_path / "t.toml")


def test_settings_are_frozen_data():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Setting(1.0, None, Readout(), 1, 0.001).n_steps = 2  # pyright: ignore[reportAttributeAccessIssue]
