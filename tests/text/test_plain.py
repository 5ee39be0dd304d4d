"""Numbers in words."""

import math

import pytest

from snnconv.text.plain import two_digits


@pytest.mark.parametrize(
    ("value", "below", "above"),
    [(0.3, 0.3, 0.3), (0.2371, 0.23, 0.24), (99.6, 99.0, 100.0), (1.0, 1.0, 1.0), (1234.0, 1200.0, 1300.0)],
)
def test_two_digits_stay_on_their_side_and_leave_numbers_that_have_no_more(value, below, above):
    assert two_digits(value) == below
    assert two_digits(value, math.ceil) == above
