"""TOML from strangers: every fault is one line."""

import os

import pytest

from snnconv.errors import ConfigError
from snnconv.files.toml import parse_section, read_toml
from snnconv.training.config import Settings, load_settings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = [" * 100, "not valid TOML"),
        ("a = " + "[" * 100_000, "nested too deeply"),
        ("a = " + "9" * 5000, "not valid TOML"),
        ("a = 0001-99-99", "not valid TOML"),
        ("a = 1\n" * 300_000, "larger than any settings"),
    ],
)
def test_texts_that_are_no_settings(tmp_path, text, message):
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        read_toml(tmp_path / "s.toml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("number", ["0x" + "f" * 5000, "1" + "0" * 400, "inf", "nan"])
def test_numbers_that_are_none(tmp_path, number):
    (tmp_path / "s.toml").write_text(f"[simulation]\ndt = {number}\n")
    with pytest.raises(ConfigError, match=r"dt must be a number above 0\. Received"):
        load_settings(tmp_path / "s.toml")
    with pytest.raises(ConfigError, match="must be"):
        parse_section(Settings, {"simulation": {"n_steps": 2**63}}, "s.toml", "the top level")


def test_long_names_are_cut(tmp_path):
    (tmp_path / "s.toml").write_text(f"{'a' * 5000} = 1\n")
    with pytest.raises(ConfigError, match=r"has no key 'a{59}…'") as caught:
        load_settings(tmp_path / "s.toml")
    assert len(str(caught.value)) < 500


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "s.toml")
    with pytest.raises(ConfigError, match="it is no ordinary file"):
        read_toml(tmp_path / "s.toml")
