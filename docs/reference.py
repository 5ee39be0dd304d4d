"""A Sphinx extension: the reference of the command line from the command, that of Python from the docstrings.

The pages of modules and classes are written to `api/`, and the notebooks are copied to `notebooks/`; neither is kept in
the repository.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import typer
from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.inspect import stringify_signature
from sphinx.util.nodes import nested_parse_with_titles

# Rooms, and the modules whose public names the reference describes, in this order.
ROOMS = {
    "Start": ("snnconv", "snnconv.errors"),
    "Neurons": ("snnconv.neurons", "snnconv.synapses"),
    "Training": (
        "snnconv.layers",
        "snnconv.regularizers",
        "snnconv.training",
        "snnconv.training.unrolled",
        "snnconv.callbacks",
        "snnconv.config",
        "snnconv.datasets",
    ),
    "Graphs and conversion": ("snnconv.graph", "snnconv.passes", "snnconv.keras_files", "snnconv.verification"),
    "Running": ("snnconv.reference", "snnconv.runs"),
    "Tuning": (
        "snnconv.calibration",
        "snnconv.tuning",
        "snnconv.certificates",
        "snnconv.health",
        "snnconv.accounting",
        "snnconv.neurobench",
    ),
    "Looking at a network": ("snnconv.plot", "snnconv.viewer", "snnconv.diagnosis"),
    "Integers and exports": ("snnconv.quantize", "snnconv.export"),
}
MODULES = tuple(module for modules in ROOMS.values() for module in modules)
PAGES = "api"  # the folder of generated pages, beside api.rst
ONLY = {  # of modules that hold more than users need
    "snnconv.runs": ("Result",),
    "snnconv.config": (
        "Config",
        "ConversionConfig",
        "DataConfig",
        "LayerConfig",
        "ModelConfig",
        "OutputConfig",
        "SimulationConfig",
        "TrainingConfig",
        "FinetuneConfig",
        "ReadoutConfig",
        "EarlyStoppingConfig",
        "Settings",
        "load",
        "load_settings",
    ),
    "snnconv.datasets": ("Dataset", "load"),
    "snnconv.verification": ("LayerCheck", "Verification", "random_inputs", "verify"),
    "snnconv.viewer": ("View", "view"),
}
SECTIONS = ("Parameters", "Attributes", "Returns", "Yields")  # whose lines are `name : type`


def public_names(module: ModuleType) -> list[str]:
    """The names in ``__all__``, or else those that users need, or else what the module defines itself."""
    if module.__name__ in ONLY:
        return list(ONLY[module.__name__])
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]


def module_pages(name: str, seen: dict[int, str]) -> dict[str, list[str]]:
    """The page of a module and one for each of its classes, as reStructuredText by the page's name.

    Parameters
    ----------
    seen : dict
        Full names of what was described before, by identity; it is added to.
    """
    module = import_module(name)
    lines = [name, "=" * len(name), "", f".. module:: {name}", ""]
    lines += [*inspect.cleandoc(module.__doc__ or "").split("\n>>>")[0].splitlines(), ""]
    described = {key for scope, key in ModuleAnalyzer.for_module(name).find_attr_docs() if not scope}
    pages: dict[str, list[str]] = {}
    for each in public_names(module):
        value, full = getattr(module, each), f"{name}.{each}"
        if isinstance(value, ModuleType):
            lines += [f"- `{full}`" if full in MODULES else f"- ``{full}``", ""]
        elif id(value) in seen:
            lines += [f"- ``{full}`` is `{seen[id(value)]}`.", ""]
        elif inspect.isclass(value) and not issubclass(value, BaseException):
            pages[full] = [each, "=" * len(each), "", f".. currentmodule:: {name}", ""]
            pages[full] += [f".. autoclass:: {full}", "   :members:", ""]
        elif inspect.isclass(value):
            lines += [f".. autoexception:: {full}", ""]
        elif callable(value):
            lines += [f".. autofunction:: {full}", ""]
        else:
            lines += [f".. {'autodata' if each in described else 'py:data'}:: {full}", ""]
            lines[-1:] = ["   :no-value:", ""] if each in described else [""]
        seen.setdefault(id(value), full)
    if pages:
        lines += ["Classes", "-" * 7, "", ".. toctree::", "   :maxdepth: 1", "", *(f"   {page}" for page in pages), ""]
    return {name: lines, **pages}


def write_pages(app: Any) -> None:
    """Write the pages of all modules, and copy the notebooks, beside the pages that the site is made from.

    Files that did not change are left alone, so that a second build is fast; those of names that are gone are removed.
    """
    source = Path(app.srcdir)
    seen: dict[int, str] = {}
    pages = {f"{key}.rst": "\n".join(lines) for name in MODULES for key, lines in module_pages(name, seen).items()}
    _replace(source / PAGES, pages)
    notebooks = sorted((source.parent / "notebooks").glob("*.ipynb"))
    _replace(source / "notebooks", {path.name: path.read_text("utf-8") for path in notebooks})


def _replace(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        path = folder / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


def command_lines(name: str, command: Any) -> list[str]:
    """A section about a command as reStructuredText: its help, arguments and options."""
    title = f"snnconv {name}"
    lines = [title, "-" * len(title), "", *_markdown(inspect.cleandoc(command.help or "")), ""]
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and not each.hidden]
    usage = " ".join(f"[{each.metavar}]" if not each.required else each.metavar for each in arguments)
    lines += [".. code-block:: text", "", f"   snnconv {name} {usage} [OPTIONS]".replace("  ", " "), ""]
    for each in arguments:
        lines += [f"``{each.metavar}``", *_indented(each.help), ""]
    for each in options:
        flags = ", ".join(f"``{flag}``" for flag in [*each.opts, *each.secondary_opts])
        value = "" if each.is_flag else f" {each.metavar or 'VALUE'}"
        shown = f"  [default: {each.default}]" if _has_default(each) else ""
        required = "  [required]" if each.required else ""
        lines += [flags + value, *_indented(f"{each.help}{shown}{required}"), ""]
    return lines


def target_lines() -> list[str]:
    """The targets of `snnconv export` and their options as reStructuredText."""
    from snnconv.export import TARGETS

    lines = ["Options of the targets", "^" * 22, ""]
    for target in TARGETS.values():
        for option in target.options:
            value = "" if option.type is bool else f" {option.type.__name__.upper()}"
            choices = f" ({', '.join(option.choices)})" if option.choices else ""
            default = "" if option.type is bool else f"  [default: {option.default}]"
            text = f"Target {target.name}: {option.help}{choices}.{default}"
            lines += [f"``{option.flag}``{value}", *_indented(text), ""]
    return lines


def _has_default(option: Any) -> bool:
    is_told = not option.help or "[default" in option.help or option.is_flag
    return not is_told and option.default is not None and not option.required


def _indented(text: str | None) -> list[str]:
    return [f"   {line}".rstrip() for line in _markdown(text or "")]


def _markdown(text: str) -> list[str]:
    """Help text, which has Markdown's code and nothing else of it, as reStructuredText."""
    text = re.sub(r"([*|_])(?=\W|$)", r"\\\1", text) if "`" not in text else text
    return re.sub(r"`([^`]+)`", r"``\1``", text).splitlines()


class _Generated(Directive):
    """A directive that is replaced by what `lines` gives."""

    def lines(self) -> list[str]:
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        node = nodes.section()
        node.document = self.state.document
        self.state.document.settings.env.note_reread()  # it depends on the package, not on the page
        content = StringList(self.lines(), source=type(self).__name__)
        nested_parse_with_titles(self.state, content, node)
        return node.children


class CommandReference(_Generated):
    """All commands with their options."""

    def lines(self) -> list[str]:
        from snnconv.cli import app

        group: Any = typer.main.get_command(app)
        lines = []
        for name, command in group.commands.items():
            lines += command_lines(name, command)
            lines += target_lines() if name == "export" else []
        return lines


class ApiReference(_Generated):
    """The modules of every room, each a page of its own."""

    def lines(self) -> list[str]:
        lines: list[str] = []
        for room, modules in ROOMS.items():
            lines += [room, "-" * len(room), ""]
            lines += [f"- :doc:`{PAGES}/{module}`: {_first_sentence(module)}" for module in modules]
            lines += ["", ".. toctree::", "   :maxdepth: 1", "   :hidden:", ""]
            lines += [*(f"   {PAGES}/{module}" for module in modules), ""]
        return lines


def _first_sentence(module: str) -> str:
    """The first paragraph of a module's docstring, in one line, without the module's name in front."""
    paragraph = inspect.cleandoc(import_module(module).__doc__ or "").split("\n\n")[0]
    return " ".join(paragraph.removeprefix(f"{module}:").split())


def keep_shapes(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Put types such as ``(n, *input) array`` into literals, and escape stars of shapes: they start no emphasis."""
    section = ""
    for number, line in enumerate(lines):
        following = lines[number + 1].strip() if number + 1 < len(lines) else ""
        if following and set(following) == {"-"}:
            section = line.strip()
        argument, colon, kind = line.partition(" : ")
        if section in SECTIONS and colon and not line.startswith(" "):
            lines[number] = f"{argument} : ``{kind.strip()}``"
        else:
            parts = line.split("``")  # every second one is a literal
            parts[::2] = [re.sub(r"(?<=[(,\s])\*(?=\w)", r"\\*", part) for part in parts[::2]]
            lines[number] = "``".join(parts)


def own_signature(app: Any, what: str, name: str, obj: Any, options: Any, signature: str, returns: str) -> Any:
    """The signature of a class whose base hides it, as Keras' layers do."""
    if what != "class" or signature != "(*args, **kwargs)":
        return None
    parameters = list(inspect.signature(obj.__init__).parameters.values())[1:]
    return stringify_signature(inspect.Signature(parameters), show_annotation=False), returns


def setup(app: Any) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("command-reference", CommandReference)
    app.add_directive("api-reference", ApiReference)
    app.connect("builder-inited", write_pages)
    app.connect("autodoc-process-docstring", keep_shapes, priority=400)  # before napoleon
    app.connect("autodoc-process-signature", own_signature)
    return {"parallel_read_safe": True}
