"""Advice names arguments in Python, and options in a command."""

import pytest

from snnconv.text.advice import argument, as_options, either, in_options


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


def test_an_option_that_the_command_lacks_is_one_of_export():
    with as_options({"steps": "--steps"}):
        assert argument("n_steps") == "--steps"
        assert argument("scale_firing_rates", 2.0) == "--scale-firing-rates 2 of `snnconv export`"


def test_advice_for_those_who_type_and_those_who_write():
    assert either("run(x)", "--x") == "run(x)"
    with as_options():
        assert either("run(x)", "--x") == "--x"


@pytest.mark.parametrize(
    ("message", "printed"),
    [
        ("n_steps must be a whole number. Received -1.", "--steps must be a whole number. Received -1."),
        ("dtype must be 'float32'. Received dtype='x'.", "--dtype must be 'float32'. Received dtype='x'."),
        ("layer 'dt' must be built.", "layer 'dt' must be built."),
        ("it holds code: unsafe=True (--unsafe).", "it holds code: --unsafe."),
        ("pass custom_objects={'f': …} (--custom-objects a.b).", "pass --custom-objects a.b."),
        ("give input_shape=(8, 8, 3) (--input-shape 8,8,3); or", "give --input-shape 8,8,3; or"),
        ("take dtype='float64', or convert with unsafe=True.", "take --dtype float64, or convert with --unsafe."),
        ("too wide: lower weight_bits or n_steps, not tau_rc.", "too wide: lower --bits or --steps, not tau_rc."),
        ("spikes={'a': 1} is none, and padding='same' is.", "spikes={'a': 1} is none, and padding='same' is."),
    ],
)
def test_messages_of_functions_name_options_in_a_command(message, printed):
    options = {
        "steps": "--steps",
        "dtype": "--dtype",
        "unsafe": "--unsafe",
        "spikes": "--spikes",
        "dt": "--dt",
        "bits": "--bits",
    }
    assert in_options(message, options) == printed
