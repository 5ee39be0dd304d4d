"""Arithmetic read off the code of a Lambda, for each version of Python that Keras has run on; nothing is run."""

import base64
import marshal

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.conversion.files.arithmetic import Arithmetic
from snnconv.conversion.files.lambda_code import arithmetic_of
from snnconv.errors import ModelFileError

# def f(x): y = x[:, 1:, ::-1] * 0.5 - x[..., :1] / 4; return -y + 1
CODES = {
    "3.6": (
        "4wEAAAAAAAAAAgAAAAYAAABDAAAAcz4AAAB8AGQAZACFAmQBZACFAmQAZABkBYUDZgMZAGQCFAB8AGQDZABkAYUCZgIZAGQEGwAY"
        "AH0BfAELAGQBFwBTACkGTukBAAAA5wAAAAAAAOA/LukEAAAA6f////+pACkC2gF42gF5cgUAAAByBQAAAPoHZ2VuMi5wedoBZgIA"
        "AABzBAAAAAABNAE="
    ),
    "3.7": (
        "4wEAAAAAAAAAAgAAAAYAAABDAAAAcz4AAAB8AGQAZACFAmQBZACFAmQAZABkAoUDZgMZAGQDFAB8AGQEZABkAYUCZgIZAGQFGwAY"
        "AH0BfAELAGQBFwBTACkGTukBAAAA6f/////nAAAAAAAA4D8u6QQAAACpACkC2gF42gF5cgUAAAByBQAAAPoHZ2VuMi5wedoBZgIA"
        "AABzBAAAAAABNAE="
    ),
    "3.8": (
        "YwEAAAAAAAAAAAAAAAIAAAAGAAAAQwAAAPM+AAAAfABkAGQAhQJkAWQAhQJkAGQAZAKFA2YDGQBkAxQAfABkBGQAZAGFAmYCGQBk"
        "BRsAGAB9AXwBCwBkARcAUwCpBk7pAQAAAOn/////5wAAAAAAAOA/LukEAAAAqQCpAtoBeNoBeXIGAAAAcgYAAADaAWZyCgAAAAIA"
        "AADzBAAAAAABNAE="
    ),
    "3.9": (
        "YwEAAAAAAAAAAAAAAAIAAAAGAAAAQwAAAPM+AAAAfABkAGQAhQJkAWQAhQJkAGQAZAKFA2YDGQBkAxQAfABkBGQAZAGFAmYCGQBk"
        "BRsAGAB9AXwBCwBkARcAUwCpBk7pAQAAAOn/////5wAAAAAAAOA/LukEAAAAqQCpAtoBeNoBeXIGAAAAcgYAAADaAWZyCgAAAAIA"
        "AADzBAAAAAABNAE="
    ),
    "3.10": (
        "YwEAAAAAAAAAAAAAAAIAAAAGAAAAQwAAAPM+AAAAfABkAGQAhQJkAWQAhQJkAGQAZAKFA2YDGQBkAxQAfABkBGQAZAGFAmYCGQBk"
        "BRsAGAB9AXwBCwBkARcAUwCpBk7pAQAAAOn/////5wAAAAAAAOA/LukEAAAAqQCpAtoBeNoBeXIGAAAAcgYAAADaAWZyCgAAAAIA"
        "AADzBAAAADQBCgE="
    ),
    "3.11": (
        "YwEAAAAAAAAAAAAAAAYAAAADAAAA81gAAACXAHwAZABkAIUCZAFkAIUCZABkAGQChQNmAxkAAAAAAAAAAABkA3oFAAB8AGQEZABk"
        "AYUCZgIZAAAAAAAAAAAAZAV6CwAAegoAAH0BfAELAGQBegAAAFMAqQZO6QEAAADp/////+cAAAAAAADgPy7pBAAAAKkAKQLaAXja"
        "AXlzAgAAACAg2gFmcgkAAAByCQAAAAIAAADzRAAAAIAA2AgJiCGIIYghiFGIUohSkBSQFJAykBSIK4wOmBPRCByYcaAToGKgcaBi"
        "oBeceqhBmX7RCC2AQdgMDYgykAGJNoBN8wAAAAA="
    ),
    "3.12": (
        "YwEAAAAAAAAAAAAAAAYAAAADAAAA80wAAACXAHwAZABkAIUCZAFkAIUCZABkAGQChQNmAxkAAABkA3oFAAB8AGQEZABkAYUCZgIZ"
        "AAAAZAV6CwAAegoAAH0BfAELAGQBegAAAFMAqQZO6QEAAADp/////+cAAAAAAADgPy7pBAAAAKkAKQLaAXjaAXlzAgAAACAg2gFm"
        "cgkAAAByCQAAAAIAAADzPAAAAIAA2AgJiiGIUYlSkRSQMpAUiCuJDpgT0QgcmHGgE6BioHGgYqAXmXqoQZl+0QgtgEHYDA2IMpAB"
        "iTaATfMAAAAA"
    ),
    "3.13": (
        "YwEAAAAAAAAAAAAAAAYAAAADAAAA80wAAACVAFUAUwBTADICUwFTADICUwBTAFMCMgM0AwUAAABTAy0FAABVAFMEUwBTATICNAIF"
        "AAAAUwUtCwAALQoAAG4BVQEqAFMBLQAAACQAqQZO6QEAAADp/////+cAAAAAAADgPy7pBAAAAKkAKQLaAXjaAXlzAgAAACAg2gFm"
        "cgkAAAByCQAAAAIAAADzPAAAAIAA2AgJiiGIUYlSkRSQMpAUiCuJDpgT0QgcmHGgE6BioHGgYqAXmXqoQZl+0QgtgEHYDA2IMpAB"
        "iTaATfMAAAAA"
    ),
}


def packed(function):
    return [base64.b64encode(marshal.dumps(function.__code__)).decode(), None, None]


@pytest.mark.parametrize("version", CODES)
def test_code_of_every_python_is_read(version):
    for function in (
        [CODES[version], None, None],
        {"class_name": "__lambda__", "config": {"code": CODES[version], "defaults": None, "closure": None}},
    ):
        assert arithmetic_of(function) == "-(x[:, 1:, ::-1] * 0.5 - x[..., :1] / 4) + 1"


@pytest.mark.parametrize(
    "text",
    [
        "x / 255", "x / 127.5 - 1", "2 * x + 1", "-(x + 2)", "x[..., ::-1]", "x[:, :, -1] / 2", "x - x", "x * -2.5",
        "x[0]", "x[1:3]", "1 - x / 3 * 2", "x[:, 1:-1]",
    ],
)  # fmt: skip
def test_what_is_read_computes_the_same(text):
    function = eval(f"lambda x: {text}")
    found = arithmetic_of(packed(function))
    assert found == text
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    np.testing.assert_allclose(np.asarray(Arithmetic(found)(x)), function(x), rtol=1e-5, atol=1e-6)


def in_place(x):
    x -= 1
    x *= 2
    x /= 3
    return x + 4


def doubled(x):
    for _ in range(3):
        x = x + x
    return x


def test_variables_are_followed():
    assert arithmetic_of(packed(in_place)) == "(x - 1) * 2 / 3 + 4"
    assert arithmetic_of(packed(doubled)) is None


@pytest.mark.parametrize(
    "text",
    [
        "x ** 2", "x.shape", "abs(x)", "x * CODES", "lambda: x", "x if x else 1", "(x, 1)", "x > 1", "x // 2",
        "x['a']", "[x]", "x @ x", "1", "None", "x * 2**70", "(lambda y: y)(x)", "x[x]", "x and 1", "x * True",
    ],
)  # fmt: skip
def test_nothing_else_is_read(text):
    assert arithmetic_of(packed(eval(f"lambda x: {text}"))) is None


def test_other_functions_are_not_read():
    code = packed(lambda x: x / 255)[0]
    assert arithmetic_of(packed(lambda x, y: x + y)) is None
    assert arithmetic_of(packed(lambda x, *, y=1: x + 1)) is None
    for other in ([code, [1], None], [code, None, [1]], [code], "code", None, 3, [3, None, None], ["", None, None]):
        assert arithmetic_of(other) is None


def test_a_chain_of_sums_that_doubles_is_no_burden():
    """Two to the 400th power of x: the text of the sum is given up as soon as it is too long."""
    lines = "\n".join(["    x = x + x"] * 100)
    scope = {}
    exec(f"def f(x):\n{lines}\n    return x", scope)
    assert arithmetic_of(packed(scope["f"])) is None


@pytest.mark.parametrize("copies", [range(300), pytest.param(range(300, 20_000), marks=pytest.mark.full)])
def test_damaged_code_ends_nothing(copies):
    codes = [base64.b64decode(code) for code in CODES.values()]
    for n in copies:
        rng = np.random.default_rng([3, n])
        data = bytearray(codes[rng.integers(len(codes))])
        for _ in range(rng.integers(1, 6)):
            data[rng.integers(len(data))] = rng.choice([0, 99, 40, 41, 114, 227, 255, rng.integers(256)])
        found = arithmetic_of([base64.b64encode(bytes(data[: rng.integers(1, 2 * len(data))])).decode(), None, None])
        assert found is None or Arithmetic(found)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_the_refusal_names_the_arithmetic_of_the_file(tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    layer = kl.Lambda(lambda x: x * 0.25 - 1.5, name="code")
    model = keras.Sequential([keras.Input((3,)), layer, kl.Dense(2)])
    model.save(path)
    message = (
        r"By its instructions it computes x \* 0\.25 - 1\.5: say so, and nothing is run: "
        r"replace=\{'code': 'x \* 0\.25 - 1\.5'\} \(--replace 'code=x \* 0\.25 - 1\.5'\)\. Only if"
    )
    with pytest.raises(ModelFileError, match=message):
        snnconv.convert(path)
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    graph = snnconv.convert(path, replace={"code": "x * 0.25 - 1.5"})
    np.testing.assert_allclose(graph.rate_output(x), np.asarray(model(x)), rtol=1e-5, atol=1e-6)
    other = keras.Sequential([keras.Input((3,)), kl.Lambda(lambda x: keras.ops.abs(x), name="code"), kl.Dense(2)])
    other.save(path)
    with pytest.raises(ModelFileError, match=r"If you know what it computes: .*'code=x / 255'\), with its own"):
        snnconv.convert(path)
