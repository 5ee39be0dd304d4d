"""``snnconv verify`` passes and fails."""

import json

import h5py
import pytest

from ..helpers.command import fails, run


def test_verify_passes_and_fails(folder, tmp_path):
    printed = run("verify", folder / "model.keras", "--steps", 50)
    assert "Passed: the rates are those of Keras" in printed
    printed = run("verify", folder / "graph.snn.h5", "--keras", folder / "model.keras", "--input", folder / "x.npy")
    assert "8 samples, 200 steps" in printed
    assert "Passed" in printed

    tampered = tmp_path / "tampered.snn.h5"
    tampered.write_bytes((folder / "graph.snn.h5").read_bytes())
    with h5py.File(tampered, "r+") as file:
        file["populations/lif/kernel"][...] *= 1.02
    assert "Passed" in run("verify", tampered, "--steps", 20), "alone it is consistent with itself"
    printed = run("verify", tampered, "--keras", folder / "model.keras", "--steps", 20, code=1)
    assert "Failed: 'lif': rates differ from Keras by up to" in printed
    assert "FAILED" in printed


def test_verify_applies_the_settings_of_config(folder, tmp_path):
    (tmp_path / "tuned.toml").write_text("[conversion]\nscale_firing_rates = 2.0\n\n[simulation]\ndt = 0.0005\n")
    plain, tuned = (
        json.loads(run("verify", folder / "model.keras", *more, "--json", "--steps", 50))
        for more in ((), ("--config", tmp_path / "tuned.toml"))
    )
    assert (plain["dt"], tuned["dt"]) == (0.001, 0.0005)
    assert tuned["passed"]
    ratios = [twice["rate_equation"] / once["rate_equation"] for once, twice in rated(plain, tuned)]
    assert ratios == pytest.approx([2.0] * len(ratios), rel=1e-4)
    fails("has no key .no.", "verify", folder / "model.keras", "--config", write(tmp_path / "wrong.toml", "[no]\n"))


def rated(*found):
    """The layers of both that have a rate, in pairs."""
    assert found[0]["layers"][0]["rate_equation"] > 0
    return [pair for pair in zip(*(each["layers"] for each in found), strict=True) if pair[0]["rate_equation"]]


def write(path, text):
    path.write_text(text)
    return path
