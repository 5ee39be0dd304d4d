"""Damaged files: an error of ours with one line that says so, or something that can be used; nothing else, ever.

Copies are read in a process of their own, with limited memory and time, since the C library of HDF5 can crash or hang.
``python -m tests.helpers.damaged_trial N`` reads N copies of each kind of file and counts what became of them.
"""

import pytest

from ..helpers.damaged_copies import check
from ..helpers.damaged_trial import FILES, write_files

DEFAULT, ALL = 50, 334  # copies of each kind of file


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    write_files(folder)
    return folder


@pytest.mark.full
@pytest.mark.parametrize("name", FILES)
def test_damaged_files(folder, name):
    check(folder, name, 0, DEFAULT)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_many_damaged_files(folder, name):
    check(folder, name, DEFAULT, ALL)
