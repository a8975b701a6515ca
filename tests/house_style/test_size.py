"""Small files, small functions: what fits on a screen can be understood at night."""

import ast

import pytest

from tests.house_style.source import Module, modules

FILE_LINES = 320
TEST_LINES = 500
FUNCTION_LINES = 55


def _functions(module: Module):
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, (node.end_lineno or node.lineno) - node.lineno + 1


def test_the_source_is_found():
    assert {m.path for m in modules()} >= {"pangea/core/verdict.py", "cli/__init__.py"}


@pytest.mark.parametrize(
    ("folders", "limit"),
    [(("pangea", "cli", "web_assets"), FILE_LINES), (("tests",), TEST_LINES)],
)
def test_no_file_is_longer_than_it_may_be(folders, limit):
    lines = {m.path: m.text.count("\n") for m in modules(*folders)}
    assert {p: n for p, n in lines.items() if n > limit} == {}


def test_no_function_is_longer_than_it_may_be():
    long = {
        f"{m.at(node)} {node.name}": lines
        for m in modules()
        for node, lines in _functions(m)
        if lines > FUNCTION_LINES
    }
    assert long == {}
