"""Functions traced once for all calls."""

import tensorflow as tf

from snnconv.runtime.compiled.scan import Settled


def test_a_settled_function_is_traced_once_for_each_set_of_missing_arguments():
    traced = []

    def difference(named, factor):
        traced.append(factor is None)
        found = named["more"] - named["less"]
        return {"b": found if factor is None else factor * found, "a": (named["less"],)}

    settled = Settled(difference)
    for more in (5.0, 7.0):
        for factor in (None, 3.0):
            less, given = tf.constant(2.0), None if factor is None else tf.constant(factor)
            found = settled({"more": tf.constant(more), "less": less}, given)
            same = settled({"less": less, "more": tf.constant(more)}, given)
            assert found["b"].numpy() == same["b"].numpy() == (more - 2.0) * (factor or 1.0)
            assert found["a"][0].numpy() == 2.0
    assert traced == [True, False]
