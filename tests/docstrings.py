"""Fail where a docstring opens with a riddle instead of a definition: What, Where, How, Which, Who, When.

python -m tests.docstrings FOLDER …
"""

import ast
import sys
from pathlib import Path

RIDDLES = {"what", "where", "how", "which", "who", "when", "whose", "why"}


def riddles(path: Path) -> list[str]:
    """Place and first line of every docstring of a module, class or function that opens with a word of a question."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = (ast.get_docstring(node) or "").partition("\n")[0]
            if first and first.split()[0].strip("`'\",:").lower() in RIDDLES:
                found.append(f"{path}:{getattr(node, 'lineno', 1)}: {first}")
    return found


if __name__ == "__main__":
    found = [line for folder in sys.argv[1:] for path in sorted(Path(folder).rglob("*.py")) for line in riddles(path)]
    print("\n".join(found) or "every docstring defines")
    sys.exit(bool(found))
