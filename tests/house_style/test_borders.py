"""What import-linter cannot see: the core's purity, aiohttp.web, caught exceptions."""

import ast

from tests.house_style.source import Module, modules

#: Modules of the standard library that neither read a clock nor do I/O.
PURE = {
    "array", "base64", "binascii", "bisect", "collections", "contextlib", "dataclasses",
    "datetime", "decimal", "difflib", "enum", "errno", "fractions", "functools",
    "hashlib", "heapq", "hmac", "html", "ipaddress", "itertools", "json", "math",
    "operator", "re", "statistics", "string", "struct", "textwrap", "tomllib", "typing",
    "unicodedata", "urllib.parse", "zlib", "zoneinfo",
}  # fmt: skip
CLOCKS = {"now", "today", "utcnow"}
#: Where anything may be caught, each with a comment that says why.
NETS = {
    "pangea/selftest/row.py": "whatever a check raises is a row of the table",
    "pangea/probes/runner.py": "a broken probe must not take the worker down",
    "pangea/web/errors.py": "who asked gets a number, the log gets the rest",
}


def _core() -> list[Module]:
    return [m for m in modules() if m.path.startswith("pangea/core/")]


def _is_pure(name: str) -> bool:
    first = name.partition(".")[0]
    return first in PURE | {"msgspec", "pangea"} or name.rpartition(".")[0] in PURE


def test_the_core_imports_nothing_that_acts():
    assert [
        f"{m.at(node)} {name}"
        for m in _core()
        for node, name in m.imports()
        if not _is_pure(name)
    ] == []


def test_the_core_reads_no_clock_and_opens_no_file():
    calls = [
        (m.at(node), node.func)
        for m in _core()
        for node in ast.walk(m.tree)
        if isinstance(node, ast.Call)
    ]
    acting = [
        where
        for where, func in calls
        if (isinstance(func, ast.Attribute) and func.attr in CLOCKS)
        or (isinstance(func, ast.Name) and func.id in {"open", "print", "input"})
    ]
    assert acting == []


def test_only_the_web_knows_the_server_half_of_aiohttp():
    assert [
        m.at(node)
        for m in modules()
        for node, name in m.imports()
        if name.startswith("aiohttp.web.") or name == "aiohttp.web"
        if not m.path.startswith("pangea/web/")
    ] == []


def test_the_command_line_is_never_imported_by_its_folder():
    assert [
        m.at(node)
        for m in modules("pangea", "cli", "tests")
        for node, name in m.imports()
        if name.partition(".")[0] == "cli"
    ] == []


def _catches_all(handler: ast.ExceptHandler) -> bool:
    caught = handler.type
    if caught is None:
        return True
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    names = {kind.id for kind in kinds if isinstance(kind, ast.Name)}
    passed_on = any(isinstance(n, ast.Raise) and n.exc is None for n in handler.body)
    return bool(names & {"Exception", "BaseException"}) and not passed_on


def test_anything_is_caught_only_where_nothing_may_escape():
    caught = {
        m.path: m.at(node)
        for m in modules()
        for node in ast.walk(m.tree)
        if isinstance(node, ast.ExceptHandler) and _catches_all(node)
    }
    assert [where for path, where in caught.items() if path not in NETS] == []
    assert set(NETS) <= set(caught)


def test_our_own_code_is_never_patched():
    assert [
        m.at(node)
        for m in modules("tests")
        for node, name in m.imports()
        if name.startswith("unittest.mock")
    ] == []
