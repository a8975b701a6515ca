"""Names and comments: each file says what it is, and nothing is left lying about."""

import ast
import re

from tests.house_style.source import ROOT, modules

SAYS_NOTHING = {"util", "utils", "helper", "helpers", "common", "misc", "manager"}
SHIPPED = ("pangea", "cli", "web_assets", "packaging", ".ci", "Makefile")
LEFT_OVER = re.compile(r"\b(TODO|FIXME|XXX)\b(?!\([\w-]+\))")
SILENCED = re.compile(r"#\s*(type:\s*ignore|noqa)(?P<rest>[^#]*)(?P<why>#.*)?")


def _texts():
    for place in SHIPPED:
        path = ROOT / place
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.suffix in {".py", ".js", ".css", ".html", ""} and file.is_file():
                name = file.relative_to(ROOT).as_posix()
                yield name, file.read_text("utf-8", "replace")


def test_every_module_begins_with_a_sentence():
    first = {m.path: (ast.get_docstring(m.tree) or "").split("\n\n") for m in modules()}
    assert [p for p, (line, *_) in first.items() if not line.endswith((".", "?"))] == []


def test_no_file_has_a_name_that_says_nothing():
    words = {m.path: re.split(r"[/_.]", m.path) for m in modules("pangea", "cli")}
    assert [p for p, parts in words.items() if SAYS_NOTHING & set(parts)] == []


def test_no_class_has_a_name_that_says_nothing():
    bad = re.compile(r"(Manager|Helper|Utils?)$")
    classes = [
        f"{m.at(node)} {node.name}"
        for m in modules()
        for node in ast.walk(m.tree)
        if isinstance(node, ast.ClassDef) and bad.search(node.name)
    ]
    assert classes == []


def test_nothing_is_left_to_do_without_an_owner():
    assert [
        f"{name}: {match[0]}"
        for name, text in _texts()
        for match in LEFT_OVER.finditer(text)
    ] == []


def test_what_is_silenced_says_which_rule():
    silenced = [
        f"{m.path}: {match[0]}"
        for m in modules("pangea", "cli", "tests")
        for match in SILENCED.finditer(m.text)
        if not re.match(r"\[|:\s*[A-Z]+\d", match["rest"])
        and not m.path.startswith("tests/house_style")
    ]
    assert silenced == []


def test_a_silenced_type_says_why():
    bare = re.compile(r"#\s*type:\s*ignore\[[\w, -]+\]\s*$", re.MULTILINE)
    assert [m.path for m in modules() if bare.search(m.text)] == []
