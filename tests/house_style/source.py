"""The project's own Python files, read once as syntax trees."""

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Module:
    """A source file: its path below the root, its text and its tree."""

    path: str
    text: str
    tree: ast.Module

    def at(self, node: ast.AST) -> str:
        """Return where *node* is, as an editor wants it."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}"

    def imports(self) -> Iterator[tuple[ast.AST, str]]:
        """Yield every absolute import, as ``package.module.name``."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield node, alias.name
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                for alias in node.names:
                    yield node, f"{node.module}.{alias.name}"


@functools.cache
def modules(*folders: str) -> tuple[Module, ...]:
    """Return the modules below *folders*, by default those that are shipped."""
    paths = [
        path
        for folder in folders or ("pangea", "cli", "web_assets")
        for path in sorted((ROOT / folder).rglob("*.py"))
    ]
    return tuple(_read(path) for path in paths)


def _read(path: Path) -> Module:
    text = path.read_text("utf-8")
    return Module(path.relative_to(ROOT).as_posix(), text, ast.parse(text))


def read(path: str) -> str:
    """Return the text of a file below the root."""
    return (ROOT / path).read_text("utf-8")
