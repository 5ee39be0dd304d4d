"""Hostile files: nothing that a config names runs, wherever it stands, and the error names it."""

import pytest

from snnconv.conversion.files import load_model
from snnconv.errors import ModelFileError

from ..helpers.hostile_files import PLACES, UNREAD, ran, write_files


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_hostile_files_are_refused(folder):
    accepted, executed = [], []
    for place, what, path in write_files(folder, PLACES):
        message = ""
        try:
            load_model(path)
            accepted.append((place, what))
        except ModelFileError as error:
            message = str(error)
        assert "\n" not in message
        assert len(message) < 1000
        if ran(folder):
            executed.append((place, what))
    assert executed == []
    assert accepted == [("activation", "operation_that_writes")]  # without its arguments, an operation as any other


@pytest.mark.full
def test_what_is_not_read_does_not_run(folder):
    for place, what, path in write_files(folder, UNREAD):
        load_model(path)
        assert not ran(folder), (place, what)
