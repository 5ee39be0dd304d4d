"""Values as JSON can hold them."""

import json

import numpy as np

from snnconv.text.values import json_ready


def test_arrays_and_numbers_of_numpy_become_lists_and_numbers():
    value = {"a": np.arange(3), "b": (np.float32(0.5), [np.bool_(True)]), "c": None, "d": "x"}
    assert json_ready(value) == {"a": [0, 1, 2], "b": [0.5, [True]], "c": None, "d": "x"}


def test_infinities_become_texts_wherever_they_are():
    value = {"low": -np.inf, "all": np.array([[1.0, np.inf], [np.nan, 0.0]])}
    found = json_ready(value)
    assert found == {"low": "-inf", "all": [[1.0, "inf"], ["nan", 0.0]]}
    assert json.loads(json.dumps(found, allow_nan=False)) == found
