"""``snnconv verify`` passes and fails."""

import h5py

from ..helpers.command import run


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
