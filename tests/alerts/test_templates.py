"""Templates that are wrong, loop, or want more than they are given."""

import asyncio
import os
import time

import msgspec
import pytest

from pangea.alerts import child, templates
from pangea.alerts.document import SAMPLE, document
from pangea.alerts.rendering import Answered, Asked
from pangea.alerts.template_child import answer
from pangea.alerts.templates import Faulty, render, render_tree

VALUES = document(SAMPLE)


def said_of(template, values=VALUES):
    """Return what the child says of a template that is wrong, without a process."""
    answered = answer(Asked(templates=["x", template], cases=[values], limit=65536))
    assert answered.at == 1
    assert answered.error
    return f"{answered.error} in line {answered.line}"


async def fault(template, values=VALUES):
    begun = time.perf_counter()
    with pytest.raises(Faulty) as caught:
        await render([template], values)
    # The child has its own limit; the machine may be slow besides.
    assert time.perf_counter() - begun < 40
    return str(caught.value)


async def test_what_a_message_holds_is_put_in():
    texts = await render(
        ["{{ subject|upper }}!\n", "{{ kind }} {{ data }}", "x"], VALUES
    )
    assert texts == ["TEST!\n", "test {}", "x"]


async def test_text_without_a_template_starts_no_child():
    took = []
    for _ in range(10):
        begun = time.perf_counter()
        assert await render(["plain", "text"], VALUES) == ["plain", "text"]
        took.append(time.perf_counter() - begun)
    assert min(took) < 0.02


async def test_of_many_at_once_some_have_a_child_and_all_are_rendered(monkeypatch):
    now, most, run = 0, 0, child.run_module

    async def counted(*given):
        nonlocal now, most
        now, most = now + 1, max(most, now + 1)
        try:
            return await run(*given)
        finally:
            now -= 1

    monkeypatch.setattr(child, "run_module", counted)
    monkeypatch.setattr(templates, "AT_ONCE", 2)
    many = (render([f"{{{{ kind }}}} {n}"], VALUES) for n in range(5))
    assert await asyncio.gather(*many) == [[f"test {n}"] for n in range(5)]
    assert most == 2


async def test_each_text_of_a_tree_is_a_template_by_itself():
    tree = {"a": ["{{ text }}", 5, None, True], "{{ b }}": {"c": "{{ kind }}"}}
    hostile = {**VALUES, "text": '"}, {{ kind }} {"x": "'}
    cases = [hostile, {**hostile, "kind": "down"}]
    one, two = await render_tree(tree, cases)
    assert one == {
        "a": ['"}, {{ kind }} {"x": "', 5, None, True],
        "{{ b }}": {"c": "test"},
    }
    assert two["{{ b }}"] == {"c": "down"}


async def test_html_is_escaped_where_it_is_html():
    values = {**VALUES, "text": "<b>&"}
    assert await render(["{{ text }}"], values, html=True) == ["&lt;b&gt;&amp;"]


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ nothing }}", "'nothing' is undefined"),
        ("{{ data.job.name }}", "no attribute 'job'"),
        ("a\nb {% if %}", "in line 2"),
        ("{{ 1/0 }}", "division by zero"),
        ("{% include '/etc/passwd' %}", "no loader"),
        ("{% import 'os' as os %}", "no loader"),
        ("{{ text.__class__.__mro__ }}", "unsafe"),
        ("{{ ''['__class__'] }}", "unsafe"),
        ("{{ text|attr('__class__') }}", "No filter named 'attr'"),
        ("{{ text.format.__globals__ }}", "unsafe"),
        ("{{ self.__init__.__globals__ }}", "unsafe"),
        ("{{ data.update({'a': 1}) }}", "unsafe"),
        ("{{ lipsum(9) }}", "'lipsum' is undefined"),
        ("{{ text * 100000 }}", "too long"),
        ("{% for i in range(99999) %}xxxx{% endfor %}", "too long"),
        ("{{ range(999999999) }}", "too big"),
    ],
)
def test_what_is_wrong_is_told(template, said):
    assert said.lower() in said_of(template).lower()


async def test_what_is_wrong_is_told_by_the_child_as_well():
    assert await fault("a\nb {% if %}") == (
        "template: Expected an expression, got 'end of statement block' in line 2"
    )
    assert "longer than" in await fault("x" * 20_000 + "{{ kind }}")


@pytest.mark.slow
@pytest.mark.parametrize(
    "template",
    [
        "{% for i in range(99999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}",
        "{{ 10 ** (10 ** 10) }}",
        "{{ 'x' * 9999999999 }}",
        "{{ 'x'|center(9999999999) }}",
        "{{ '%9999999999d'|format(1) }}",
        "{{ ('x' * 99999999)|replace('x', 'y' * 99999) }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    ],
)
async def test_what_would_never_end_ends(template):
    assert "template:" in await fault(template)


async def test_a_template_sees_no_environment(monkeypatch):
    monkeypatch.setitem(os.environ, "PANGEA_SMTP_PASSWORD", "hunter2")
    names = ("environ", "os", "config", "request", "self.environ", "secret")
    for name in names:
        assert said_of(f"{{{{ {name} }}}}")
    everything = "{{ context }}{{ self }}{% for k in data %}{{ k }}{% endfor %}"
    assert "hunter2" not in await fault(everything)


def test_the_child_can_open_nothing(tmp_path):
    import subprocess
    import sys

    code = (
        "import socket\n"
        "from pangea.alerts.template_child import confine\n"
        "confine()\n"
        "try:\n open('/etc/hostname')\nexcept OSError as e:\n print(e.errno)\n"
        "try:\n socket.socket()\nexcept OSError as e:\n print(e.errno)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=20
    )
    assert ran.stdout.split() == ["24", "24"]


def test_a_child_that_cannot_be_confined_renders_nothing(monkeypatch):
    import resource

    from pangea.alerts import template_child

    def refuses(what, limits):
        raise ValueError("not allowed")

    monkeypatch.setattr(resource, "setrlimit", refuses)
    said = []
    asked = msgspec.json.encode(Asked(templates=["{{ 1 }}"], cases=[{}], limit=10))
    template_child.main(lambda: asked, said.append)
    answered = msgspec.json.decode(said[0], type=Answered)
    assert (answered.texts, "cannot be confined" in answered.error) == ([], True)
