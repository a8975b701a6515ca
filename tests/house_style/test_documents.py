"""The documents name what the code has, and nothing that it has not."""

from collections.abc import Iterator
from typing import get_type_hints

from msgspec import Struct

from pangea.cli.settings import ENVIRONMENT
from pangea.core.config import NodeConfig
from pangea.core.reasons import REASONS
from pangea.web.routes import ROUTES
from tests.house_style.source import read


def _rows(text: str) -> list[list[str]]:
    """Return the cells of every table row in *text*, without its backquotes."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    cells = [line.strip("| ").split(" | ") for line in lines]
    return [[cell.strip().strip("`") for cell in row] for row in cells]


def test_every_reason_is_in_the_table_as_the_code_says_it():
    assert {row[0]: row[1] for row in _rows(read("docs/reasons.md"))} == REASONS


def test_every_route_is_in_the_tables_with_who_may_call_it():
    who = {"none": "anyone", "viewer": "login", "admin": "admin"}
    served = {f"{r.method} {r.path}": who[r.auth] for r in ROUTES}
    assert {row[0]: row[1] for row in _rows(read("docs/api.md"))} == served


def _keys(shape: type[Struct], prefix: str = "") -> Iterator[str]:
    for name, hint in get_type_hints(shape).items():
        if isinstance(hint, type) and issubclass(hint, Struct):
            yield from _keys(hint, f"{prefix}{name}.")
        else:
            yield prefix + name


def test_every_key_of_the_configuration_is_in_the_table_with_its_variable():
    rows = _rows(read("docs/configuration.md"))
    assert [row[0] for row in rows] == list(_keys(NodeConfig))
    variables = {row[2]: row[0] for row in rows if row[2] != "none"}
    assert variables == ENVIRONMENT | {"PANGEA_STATE_DIR": "storage.state_dir"}
