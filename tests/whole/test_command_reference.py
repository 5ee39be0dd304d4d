"""The page of commands: every option of every command, as `--help` has it."""

import re

import pytest
import typer

from snnconv.cli import app

from ..helpers.doc_blocks import docs_module

COMMANDS = typer.main.get_command(app).commands


@pytest.fixture(scope="module")
def reference():
    return docs_module("reference")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_says_what_help_says(reference, name):
    command = COMMANDS[name]
    page = words("\n".join(reference.command_lines(name, command)))
    context = command.make_context(name, [], resilient_parsing=True)
    for option in command.params:
        flags, text = option.get_help_record(context)
        for flag in re.findall(r"--[a-z-]+", flags):
            assert f" {flag} " in page, flag
        given = re.search(r"\[default: ([^;\]]*)", words(text))
        said = words(text).partition("[default: ")[0].removesuffix("[required]").strip()
        assert said in page
        if given and not option.is_flag:
            assert f"{said} [default: {given[1]}" in page


def words(text):
    """Text without marks of code, and single spaces between its words."""
    return " ".join(re.sub(r"[`\\]", "", text).replace(",", " , ").split())
