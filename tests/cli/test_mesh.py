"""`pangea mesh`: who sees whom."""

import json

from tests.cli.conftest import a_page


def a_pair(source, target, **changes):
    pair = {
        "from": source, "to": target, "rtt_ms": 1.5, "loss": 0.0, "offset_ms": 0.1,
        "at": "2026-01-01T00:00:00.000000Z", "path": "direct", "one_way": False,
        "reason": "",
    }  # fmt: skip
    return {**pair, **changes}


PAIRS = [
    a_pair("hel", "osl", loss=0.25),
    a_pair("osl", "hel", rtt_ms=None, path=None, one_way=True, reason="no answer"),
    a_pair("sto", "coordinator", path="via osl"),
    a_pair("sto", "hel", rtt_ms=None, path=None),
]


def test_the_matrix_has_a_cell_for_each_direction(run, api):
    api.on("GET /api/v1/mesh", a_page(*PAIRS))
    result = run("mesh")
    head, hel, osl, sto = result.stdout.splitlines()
    assert head.split() == ["FROM", "\\", "TO", "COORDINATOR", "HEL", "OSL"]
    assert "1.5 ms 25 % lost" in hel
    assert "CUT" in osl
    assert "via osl" in sto
    assert "no link" in sto
    assert "osl → hel is cut" in result.stderr
    assert "no answer" in result.stderr


def test_wide_has_a_line_for_each_and_json_is_what_was_answered(run, api):
    api.on("GET /api/v1/mesh", a_page(*PAIRS))
    wide = run("mesh", "-o", "wide").stdout
    assert len(wide.splitlines()) == 1 + len(PAIRS)
    assert json.loads(run("mesh", "-o", "json").stdout) == PAIRS


def test_without_peers_it_says_so(run, api):
    api.on("GET /api/v1/mesh", a_page())
    result = run("mesh")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "two" in result.stderr


def test_a_name_commands_no_terminal(run, api):
    api.on("GET /api/v1/mesh", a_page(a_pair("\x1b[2J", "h\x07el")))
    for form in ("table", "wide"):
        shown = run("mesh", "-o", form).stdout
        assert "\x1b" not in shown
        assert "\x07" not in shown
