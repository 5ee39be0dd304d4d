"""The networks of keras.applications, without weights from a hub: whole architectures convert."""

import keras
import numpy as np
import pytest

import snnconv
from snnconv.errors import ConversionError
from snnconv.neurons import IF

from ..helpers.networks import randomise

# smallest inputs that the architectures take, or nearly
SIZES = {"MobileNetV2": 32, "ResNet50": 32, "VGG16": 32, "DenseNet121": 32, "Xception": 71, "InceptionV3": 75}


def application(name, size):
    keras.utils.set_random_seed(0)
    return randomise(getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3)))


@pytest.mark.slow
@pytest.mark.parametrize("name", SIZES)
def test_rates_are_those_of_keras(name):
    model = application(name, SIZES[name])
    graph = snnconv.convert(model, verbose=False)
    x = np.random.default_rng(1).random((2, *model.input_shape[1:]), "float32")
    expected = np.asarray(model(x, training=False), "float64")
    # float32 through up to 121 layers; the probabilities of 1,000 classes
    np.testing.assert_allclose(graph.rate_output(x), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
def test_what_stands_in_the_way_is_named():
    model = application("EfficientNetB0", 32)
    with pytest.raises(ConversionError, match=r"'stem_activation' \(Activation\) .*'silu'.*swap_activations"):
        snnconv.convert(model, verbose=False)
    with pytest.raises(ConversionError, match=r"'block1a_se_excite' \(Multiply\) .* multiplies signals"):
        snnconv.convert(model, swap_activations={"silu": IF()}, verbose=False)
