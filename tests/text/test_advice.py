"""Advice names arguments in Python, and options in a command."""

import pytest

from snnconv.text.advice import argument, as_options


@pytest.mark.parametrize(
    ("name", "value", "in_python", "in_a_command"),
    [
        ("max_to_avg_pool", True, "max_to_avg_pool=True", "--max-to-avg-pool"),
        ("synapse", 0.005, "synapse=0.005", "--synapse 0.005"),
        ("scale_firing_rates", None, "scale_firing_rates", "--scale-firing-rates"),
        (
            "swap_activations",
            {"gelu": "IF()"},
            'swap_activations={"gelu": snnconv.neurons.IF()}',
            "--swap-activation gelu=if",
        ),
        ("scale_firing_rates", {"lif": 0.5}, 'scale_firing_rates={"lif": 0.5}', "--scale-firing-rates lif=0.5"),
        ("swap_activations", {"…": "IF()"}, "swap_activations={…: snnconv.neurons.IF()}", "--swap-activation …=if"),
    ],
)
def test_arguments_and_options(name, value, in_python, in_a_command):
    assert argument(name, value) == in_python
    with as_options():
        assert argument(name, value) == in_a_command
    assert argument(name, value) == in_python
