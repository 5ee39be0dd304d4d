"""Labels of commands: class numbers in any form that names one class per sample, and nothing else."""

import numpy as np
import pytest

from snnconv.cli.samples import as_labels, class_numbers
from snnconv.errors import InputError

from ..helpers.integer_networks import Line

CLASSES = np.array([2, 0, 1, 1])


@pytest.mark.parametrize(
    "data",
    [CLASSES, CLASSES[:, None], CLASSES[None], CLASSES.astype("float32"), np.eye(3)[CLASSES], {"y": CLASSES}],
    ids=["numbers", "column", "row", "floats", "one-hot", "file"],
)
def test_forms_of_labels(data):
    found = as_labels(data, 4, 3)
    assert found.dtype == "int64"
    np.testing.assert_array_equal(found, CLASSES)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((2, 2)), r"one for each of the 4 samples. Received \(2, 2\)"),
        (np.zeros(3), r"one for each of the 4 samples. Received \(3,\)"),
        (np.zeros((4, 2)), r"Received \(4, 2\)"),
        (np.full((4, 3), 1 / 3), "rows of 0 with one 1. Received rows of other numbers"),
        (np.zeros((4, 3)), "rows of 0 with one 1"),
        (CLASSES + 0.5, "whole numbers from 0 to 2"),
        (CLASSES - 1, "whole numbers from 0 to 2"),
        (np.where(CLASSES == 2, np.nan, CLASSES), "whole numbers from 0 to 2"),
    ],
)
def test_what_names_no_class_is_refused(data, message):
    with pytest.raises(InputError, match=message):
        as_labels(data, 4, 3)


def test_a_y_beside_inputs_is_no_label_of_a_network_without_classes():
    """Targets of an autoencoder, say; labels that somebody named are refused."""
    values = Line((3,)).dense("out", np.ones((3, 1))).graph()
    given = {"x": np.zeros((4, 3)), "y": CLASSES}
    assert class_numbers(values, given, given["y"], 4) is None
    with pytest.raises(InputError, match="labels are for networks with one output, of one value per class"):
        class_numbers(values, given, CLASSES.copy(), 4)
    graph = Line((3,)).dense("out", np.eye(3)).graph()
    np.testing.assert_array_equal(class_numbers(graph, given, given["y"], 4), CLASSES)
    assert class_numbers(graph, given, None, 4) is None
