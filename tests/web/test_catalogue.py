"""The texts of pages: all in the catalogue, none for nothing, none outside of it."""

import ast
import json
import re
from html.parser import HTMLParser
from importlib import resources

import pytest

from pangea.web.job_options import probe_types
from pangea.web.look import CHOICES
from pangea.web.text import script_texts, t

ASSETS = resources.files("pangea.web_assets")
TEXTS = ASSETS.joinpath("text/en")
TEMPLATES = list(ASSETS.joinpath("templates").iterdir())
SCRIPTS = [f for f in ASSETS.joinpath("static").iterdir() if f.name.endswith(".js")]
MODULES = [f for f in resources.files("pangea.web").iterdir() if f.name.endswith(".py")]
#: What is the same in every language: names, commands, units.
NAMES = {"PANGEA", "UTC", "PANGEA_ACCOUNT_CODES", "openapi.json", "p50", "p95", "p99"}
#: What to type, a header, and a command of which a page says nothing.
EXAMPLES = {"shop, api", "public, max-age=", "worker approve"}
COMMAND = "pangea job add http example.com"
#: Keys that are put together of a name that stands elsewhere: ``t(f"job.{css}")``.
MADE = {
    "ack": "taken used over merged expired",
    "job": "loss-1 loss-2 loss-3 u-full u-high u-some u-low u-bad u-none",
    "words": "up degraded down unknown maintenance paused",
    "incidents": "found_final_url cert_not_after way_arrives way_cut md_well_again "
    "first_fail confirmed alerted acknowledged closed "
    "flapping drill backfilled retracted",
    "new": " ".join(
        f"{what}_{k}" for k in probe_types() for what in ("type", "target")
    ),
    "plain": "verdict job target workers last since trend",
    "settings": "kept_ten_minutes",
    "workers": "fact_peer_rtt fact_alive_via fact_approved_by",
    "base": " ".join(f"{name}_{one}" for name in CHOICES for one in CHOICES[name]),
}
#: Words that only English has, in a string with a space.
ENGLISH = re.compile(
    r"\b(the|is|to|of|and|not|for|with|from|this|that|are|was|no|jobs?|workers?)\b",
    re.I,
)
JINJA = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", re.S)
#: Blocks that hold no words: the address of the icon, and what a page listens to.
CODES = re.compile(r"\{% block (icon|hears) %\}.*?\{% endblock %\}")
TWO_WORDS = re.compile(r"[A-Za-z]{2,}[,:;]? [a-z]{2,}|[a-z]{2,} [A-Za-z]{2,}")
#: Where English is no text of a page: errors as the API tells them, logs, the
#: document of the API.
NO_PAGE = {"Route", "_page", "_route", "getLogger"}


def test_every_text_that_is_asked_for_is_in_the_catalogue():
    scripts = script_texts().decode()
    for file in SCRIPTS:
        for key in re.findall(r'\bt\("([\w.-]+)"(?! \+)', file.read_text()):
            assert f'"{key}":' in scripts, f"{file.name}: {key}"
    for file in [*TEMPLATES, *MODULES]:
        for key in re.findall(r'\bt\(\s*"([\w.-]+)"[,)]', file.read_text()):
            assert t(key), f"{file.name}: {key}"


def test_an_unknown_text_is_an_error():
    with pytest.raises(LookupError):
        t("dash.nothing_like_that")


@pytest.mark.parametrize(("n", "said"), [(0, "0 jobs"), (1, "1 job"), (2, "2 jobs")])
def test_what_is_counted_has_the_form_for_its_number(n, said):
    assert t("dash.shown_all", n=n) == said


def test_what_has_forms_has_both_and_counts():
    for file in TEXTS.iterdir():
        for texts in json.loads(file.read_text()).values():
            for key, forms in texts.items():
                if not isinstance(forms, str):
                    assert set(forms) == {"one", "other"}, key
                    assert "{n}" in forms["other"] or key == "bulk_delete_sure", key


def test_no_text_stands_in_the_catalogue_for_nothing():
    everything = "\n".join(f.read_text() for f in [*SCRIPTS, *TEMPLATES, *MODULES])
    for file in TEXTS.iterdir():
        name = file.name.removesuffix(".json")
        if name == "option":  # a test of the options holds those
            continue
        parts = json.loads(file.read_text())
        for key in {**parts.get("page", {}), **parts.get("script", {})}:
            stem = f"{name}.{key.rpartition('_')[0]}_"
            made = key in MADE.get(name, "").split() or f'"{stem}' in everything
            assert made or f"{name}.{key}" in everything, f"{name}.{key}"


class Words(HTMLParser):
    """What a person reads or hears of a page: text, and texts in attributes."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_data(self, data):
        self.found.append(data.strip())

    def handle_starttag(self, tag, attrs):
        told = ("title", "aria-label", "alt", "data-label")
        self.found += [value or "" for name, value in attrs if name in told]


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_no_words_stand_in_a_template(file):
    markup = file.read_text()
    words = Words()
    words.feed(JINJA.sub(" ", CODES.sub("", markup)))
    said = [text for text in words.found if re.search(r"[A-Za-z]{2}", text)]
    left = {word for text in said if text != COMMAND for word in text.split()}
    assert left <= NAMES | {"·"}, file.name
    for inner in re.findall(r"\{\{.*?\}\}", markup, flags=re.S):
        for text in re.findall(r'"([^"]*)"', re.sub(r'\bt\("[^"]*"', "", inner)):
            assert not TWO_WORDS.search(text) or text in EXAMPLES, text


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_no_words_stand_in_a_script(file):
    code = re.sub(r"^\s*//.*$|\s// .*$", "", file.read_text(), flags=re.M)
    for text in re.findall(r'"([^"\n]*)"|`([^`]*)`', code):
        one = re.sub(r"\$\{.*?\}", "", "".join(text))
        selects = "[" in one or one.startswith("#")
        said = " " in one and ENGLISH.search(one) and not selects
        assert not said, f"{file.name}: {one}"


def is_no_page(node):
    """Tell whether what stands in *node* is told by the API, by a log or by a page."""
    if isinstance(node, ast.Raise):
        return True
    if not isinstance(node, ast.Call):
        return False
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    logs = getattr(getattr(node.func, "value", None), "id", "") == "log"
    errors = name.endswith(("Error", "Found", "Conflict", "Forbidden", "Many"))
    return logs or errors or name in NO_PAGE


def texts_in(node):
    """Yield the strings below *node* that a page may show."""
    for child in ast.iter_child_nodes(node):
        if is_no_page(child):
            continue
        docstring = isinstance(child, ast.Expr) and isinstance(
            child.value, ast.Constant
        )
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child.value
        elif not docstring:
            yield from texts_in(child)


PAGES = re.compile(
    r"(_view|_pages?|_planned|_rules|_system|_frame|_text)\.py$|^(view|words|place|look"
    r"|docs|render|job_(?!form).*|incident_.*|settings_.*|dash_.*|text_view)\.py$"
)


@pytest.mark.parametrize(
    "file", [f for f in MODULES if PAGES.search(f.name)], ids=lambda file: file.name
)
def test_no_words_stand_in_a_module_that_makes_a_page(file):
    for text in texts_in(ast.parse(file.read_text())):
        assert not TWO_WORDS.search(text) or text in EXAMPLES, text
