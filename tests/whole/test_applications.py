"""The networks of keras.applications, without weights from a hub: whole architectures convert.

All of them, with what they take and how near the spikes come: ``python -m tests.whole.applications``.
"""

import numpy as np
import pytest

import snnconv

from .applications import application, images


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        *("MobileNetV2", "ResNet50", "VGG16", "DenseNet121", "Xception", "InceptionV3"),
        *("EfficientNetB0", "EfficientNetV2B0", "MobileNetV3Small", "ConvNeXtTiny"),
    ],
)
def test_rates_are_those_of_keras(name):
    model = application(name)
    graph = snnconv.convert(model, verbose=False)
    x = images(model)
    expected = np.asarray(model(x, training=False), "float64")
    # float32 through up to 121 layers; the probabilities of 1,000 classes
    np.testing.assert_allclose(graph.rate_output(x), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["EfficientNetB0", "MobileNetV3Small", "ConvNeXtTiny"])
def test_spikes_go_to_the_rates(name):
    model = application(name)
    graph = snnconv.convert(model, verbose=False)
    x = images(model)
    rates = graph.rate_output(x)
    simulator = snnconv.Simulator(graph)
    off = [np.linalg.norm(simulator.predict(x, n_steps) - rates) / np.linalg.norm(rates) for n_steps in (32, 256)]
    assert off[1] < off[0] / 4  # as 1/T it would be an eighth
    assert off[1] < 0.05
