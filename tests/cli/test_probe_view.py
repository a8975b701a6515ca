"""What `pangea probe` prints of results that real probes recorded.

Beside each ``recorded/NAME.json`` stands the screen of 80 columns that it makes.
``PANGEA_RECORD=1`` writes the screens anew, to be looked at before they are kept.
"""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.cli.probe_view import card, wrapped
from pangea.cli.probe_view_runs import run_line, summary
from pangea.cli.table import Style, width_of
from pangea.core.sheet import sheet

RECORDED = sorted((Path(__file__).parent / "recorded").glob("*.json"))
BY_NAME = {path.stem: path for path in RECORDED}


def recorded(name: str) -> dict:
    return json.loads(BY_NAME[name].read_text("utf-8"))


def style(*, ascii_only=False, colour=False) -> Style:
    made = Style(no_color=True)
    made.ascii, made.colour = ascii_only, colour
    return made


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_result_makes_the_screen_that_was_looked_at(path):
    lines = card(style(), json.loads(path.read_text("utf-8")), 80)
    screen = "\n".join(lines) + "\n"
    kept = path.with_suffix(".txt")
    if os.environ.get("PANGEA_RECORD"):
        kept.write_text(screen, "utf-8")
    assert screen == kept.read_text("utf-8")


@pytest.mark.parametrize("width", [40, 80, 120, None])
@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_no_line_is_wider_than_the_terminal_unless_it_stands_in_columns(path, width):
    found = json.loads(path.read_text("utf-8"))
    parts = sheet(found["type"], found["readings"])
    kept = {n for part in parts for fact in part if fact.columns for n in fact.lines}
    for line in card(style(), found, width):
        in_columns = any(line.endswith(one) for one in kept)
        assert width is None or in_columns or width_of(line) <= width


def test_where_nothing_is_wrapped_what_is_searched_for_is_found():
    found = recorded("tls_chain")
    assert ", ".join(found["readings"]["san"]) in "\n".join(card(style(), found, None))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_without_unicode_all_that_is_ours_is_ascii(path):
    found = json.loads(path.read_text("utf-8"))
    assert [n for n in card(style(ascii_only=True), found, 80) if not n.isascii()] == []
    assert run_line(style(ascii_only=True), 1, found, 80).isascii()


def test_nothing_that_a_target_says_commands_the_terminal():
    found = recorded("hostile")
    lines = [*card(style(), found, 80), run_line(style(), 1, found, 80)]
    assert [line for line in lines if not line.isprintable()] == []
    assert "\\x1b[31mred" in "\n".join(lines)


def test_colours_are_only_added_never_instead_of_words():
    found = recorded("tls_expired")
    painted = "\n".join(card(style(colour=True), found, 80))
    assert "\x1b[31m✖ FAILED\x1b[0m" in painted
    assert "2026-11-10T08:30:14Z, expired 12 days ago\x1b[0m" in painted


def test_a_run_is_a_line_with_its_reason_or_what_it_told():
    line = run_line(style(), 3, recorded("dns_txt"), 80)
    assert line.startswith("● UP        3  ")
    assert 'NOERROR "' in line
    assert width_of(line) <= 80
    failed = run_line(style(), 12, recorded("http_status"), None)
    assert failed.endswith("status: got status 503, wanted 200-299")
    changed = run_line(style(), 1, recorded("tls_changed"), None)
    assert "changed; TLSv1.2, www.example.test, 45 days left" in changed


def test_the_summary_counts_outcomes_and_ranks_the_times_of_what_was_up():
    founds = [recorded("icmp") | {"duration_ms": float(n)} for n in range(1, 101)]
    founds += [recorded("tcp_refused"), recorded("icmp_lost") | {"duration_ms": 7.0}]
    counts, times, drawn = summary(style(), founds)
    assert counts == "102 runs: 100 up, 1 failed, 1 warn"
    assert times == "min/avg/max/p50/p95/jitter = 1/50.1/100/50/95/1.92 ms"
    assert len(drawn) == 60
    assert drawn.endswith("█×▁")
    assert summary(style(), [recorded("tcp_refused")]) == ["1 run: 1 failed"]


@given(st.text(max_size=200), st.integers(2, 60))
def test_wrapping_loses_no_character_but_spaces(text, width):
    text = "".join(char for char in text if char.isprintable())
    lines = wrapped(text, width)
    joined = "".join("".join(lines).split())
    assert joined == "".join(text.split())
    assert [line for line in lines if width_of(line) > max(width, 2)] == []


def test_what_hangs_on_a_branch_stays_there():
    lines = wrapped("   └─ an authority with a rather long name", 24)
    assert lines == ["   └─ an authority with", "      a rather long name"]
