"""The documents name what the code has, and nothing that it has not."""

import re
import shlex
from collections.abc import Iterator
from typing import get_type_hints

import click
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

from pangea.alerts.registry import NOTIFIERS
from pangea.cli.main import root
from pangea.cli.settings import ENVIRONMENT
from pangea.core.config import NodeConfig
from pangea.core.reasons import REASONS
from pangea.probes.base import PROBES, load_builtin, make_probe
from pangea.web.routes import ROUTES
from tests.house_style.source import ROOT, read


def _rows(text: str) -> list[list[str]]:
    """Return the cells of every table row in *text*, without its backquotes."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    cells = [line.strip("| ").split(" | ") for line in lines]
    return [[cell.strip().strip("`") for cell in row] for row in cells]


def test_every_reason_is_in_the_table_as_the_code_says_it():
    assert {row[0]: row[1] for row in _rows(read("docs/reasons.md"))} == REASONS


def test_every_route_is_in_the_tables_with_who_may_call_it():
    who = {"none": "anyone", "viewer": "login"}
    served = {f"{r.method} {r.path}": who.get(r.auth, r.auth) for r in ROUTES}
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


def _commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")
        elif command is not None:
            yield f"{path} {name}", command


def test_every_command_has_its_section_that_names_its_options():
    heads = r"^## `(pangea [a-z ]+)`$(.*?)(?=^## |\Z)"
    said = dict(re.findall(heads, read("docs/cli.md"), re.MULTILINE | re.DOTALL))
    commands = dict(_commands(root, "pangea"))
    assert set(said) == set(commands)
    options = {
        (path, option.opts[-1])
        for path, command in commands.items()
        for option in command.params
        if isinstance(option, click.Option) and not option.hidden
    }
    assert {(p, name) for p, name in options if name not in said[p]} == set()


def _default(value: object) -> str:
    """Return a default as it stands in the tables."""
    if value in (None, "", (), [], {}):
        return "none"
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_every_probe_has_its_section_with_all_options_and_defaults():
    load_builtin()
    heads = r"^## `([a-z]+)`.*?$(.*?)(?=^## |\Z)"
    said = dict(re.findall(heads, read("docs/probes.md"), re.MULTILINE | re.DOTALL))
    assert set(said) == set(PROBES)
    for name, probe in PROBES.items():
        written = {row[0]: row[1] for row in _rows(said[name])}
        options = {f.encode_name: _default_of(f) for f in fields(probe.Options)}
        assert written == options, f"docs/probes.md, {name}"


def _default_of(field: FieldInfo) -> str:
    made = field.default_factory() if callable(field.default_factory) else None
    return _default(field.default if field.default is not NODEFAULT else made)


def test_every_channel_has_its_section_with_all_options_and_an_example():
    heads = r"^## ([a-z]+)$(.*?)(?=^## |\Z)"
    page = read("docs/channels.md")
    said = dict(re.findall(heads, page, re.MULTILINE | re.DOTALL))
    assert set(said) == set(NOTIFIERS)
    for name, kind in NOTIFIERS.items():
        assert f"pangea channel add {name} " in said[name]
        named = re.findall(r"--set '?(\w+)|`(\w+)[`.]", said[name])
        options = {f.encode_name for f in fields(kind.Options)} - {"tls_fingerprint"}
        assert options <= {one or other for one, other in named}, name


def test_every_job_in_the_readme_could_be_added():
    lines = re.findall(r"^pangea job add (.*)$", read("README.md"), re.MULTILINE)
    add = dict(_commands(root, "pangea"))["pangea job add"]
    added = set()
    for line in lines:
        given = add.make_context("add", shlex.split(line)).params
        options = dict(text.split("=", 1) for text in given["options"])
        make_probe(given["type_"], given["target"], options)
        added.add(given["type_"])
    assert added == set(PROBES)


def test_every_link_leads_somewhere():
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    links = [
        (page, link)
        for page in pages
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8"))
    ]
    assert [(p.name, link) for p, link in links if not (p.parent / link).exists()] == []
