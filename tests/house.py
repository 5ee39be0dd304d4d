"""The floors of the package, measured from its own imports.

    python -m tests.house            rooms, floors, arrows, circles, modules and lines of this checkout
    python -m tests.house FOLDER     the same of another checkout

Every import counts: in functions, for type checkers alone, and by string.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

# A room (a file or a folder of snnconv/) imports only from the floors below its own.
FLOORS = (
    ("_version", "_late", "errors", "text"),
    ("files", "neurons"),
    ("graph", "layers"),
    ("runtime",),
    ("quantize", "conversion", "tuning"),
    ("analysis", "export", "training"),
    ("api",),
    ("cli",),
    ("__init__", "__main__"),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS, 1) for room in rooms}
PACKAGE = Path(__file__).parent.parent / "snnconv"


class House:
    """The modules of a package and the imports between them.

    Parameters
    ----------
    package : path
        The folder of the package.
    """

    def __init__(self, package: Path = PACKAGE):
        self.paths = {
            ".".join((package.name, *path.relative_to(package).with_suffix("").parts)): path
            for path in sorted(package.rglob("*.py"))
        }
        self.arrows: dict[str, dict[str, int]] = {}  # module -> modules of the package that it imports, and the line
        for module in self.paths:
            found = ((self.module_of(name), line) for name, line in self.imports(module))
            self.arrows[module] = {each: line for each, line in found if each and each != module}

    def module_of(self, name: str) -> str | None:
        """Find the module of the package that an import of that full name loads, a folder's __init__ included."""
        return next((each for each in (name, f"{name}.__init__") if each in self.paths), None)

    def imports(self, module: str) -> Iterator[tuple[str, int]]:
        """Full name and line of every import in a module."""
        parts = module.split(".")
        for node in ast.walk(ast.parse(self.paths[module].read_text("utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                above = parts[: -node.level] if node.level else []
                source = ".".join([*above, *([node.module] if node.module else [])])
                for alias in node.names:
                    name = f"{source}.{alias.name}"
                    yield (name if self.module_of(name) else source), node.lineno
            elif isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__"):
                yield from ((str(each.value), node.lineno) for each in node.args[:1] if isinstance(each, ast.Constant))

    def computed_imports(self) -> set[str]:
        """Modules that import by a name which is computed, so that no arrow can be drawn."""
        return {
            module
            for module, path in self.paths.items()
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__")
            if not all(isinstance(each, ast.Constant) for each in node.args[:1])
        }

    def room_arrows(self) -> set[tuple[str, str]]:
        """Pairs of rooms, the first of which imports the second."""
        pairs = ((room_of(module), room_of(other)) for module, others in self.arrows.items() for other in others)
        return {(room, other) for room, other in pairs if room != other}

    def upward(self) -> list[str]:
        """Imports from a room on the same floor or on a higher one."""
        return [
            f"{self.paths[module]}:{line} imports {imported}"
            for module, others in self.arrows.items()
            for imported, line in others.items()
            if room_of(module) != room_of(imported) and FLOOR_OF[room_of(imported)] >= FLOOR_OF[room_of(module)]
        ]

    def circles(self) -> list[list[str]]:
        """Groups of modules that import each other, straight or through others (Tarjan's algorithm)."""
        return _circles({module: list(others) for module, others in self.arrows.items()})

    def room_circles(self) -> list[list[str]]:
        """Groups of rooms that import each other."""
        return _circles({room: sorted(others) for room, others in self._below().items()})

    def _below(self) -> dict[str, set[str]]:
        below: dict[str, set[str]] = {room_of(module): set() for module in self.paths}
        for room, other in self.room_arrows():
            below[room].add(other)
        return below

    def floors(self) -> int:
        """Count the floors that the rooms need: each stands above all that it imports; a circle is one room."""
        below = self._below()
        group = {room: room for room in below}
        for circle in self.room_circles():
            group |= dict.fromkeys(circle, circle[0])
        heights: dict[str, int] = {}

        def height(name: str) -> int:
            if name not in heights:
                members = [room for room in below if group[room] == name]
                others = {group[other] for room in members for other in below[room]} - {name}
                heights[name] = 1 + max((height(other) for other in others), default=0)
            return heights[name]

        return max(height(name) for name in set(group.values()))

    def report(self) -> str:
        """The figures, a line each."""
        rooms = {room_of(module) for module in self.paths}
        is_ours = rooms == set(FLOOR_OF)
        lines = sum(len(path.read_text("utf-8").splitlines()) for path in self.paths.values())
        figures = {
            "rooms": len(rooms),
            "floors": self.floors(),
            "arrows between rooms": len(self.room_arrows()),
            "arrows upward": len(self.upward()) if is_ours else "no floors are written down for these rooms",
            "rooms in circles": sum(map(len, self.room_circles())),
            "circles of modules": len(self.circles()),
            "modules": len(self.paths),
            "lines": lines,
        }
        return "\n".join(
            f"{name:22}{value:,}" if isinstance(value, int) else f"{name:22}{value}" for name, value in figures.items()
        )


def room_of(module: str) -> str:
    """The file or folder of the package that a module is in."""
    return module.split(".")[1]


def _called(node: ast.Call) -> str | None:
    return getattr(node.func, "id", getattr(node.func, "attr", None))


def _circles(arrows: dict[str, list[str]]) -> list[list[str]]:
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    waiting: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = low[name] = len(order)
        waiting.append(name)
        for other in arrows[name]:
            if other not in order:
                visit(other)
            if other in waiting:
                low[name] = min(low[name], low[other])
        if low[name] == order[name]:
            group = waiting[waiting.index(name) :]
            del waiting[waiting.index(name) :]
            if len(group) > 1:
                found.append(sorted(group))

    for name in arrows:
        if name not in order:
            visit(name)
    return found


if __name__ == "__main__":
    print(House(Path(sys.argv[1]) / "snnconv" if sys.argv[1:] else PACKAGE).report())
