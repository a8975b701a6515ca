"""Any address gives a stretch of time, and its picker leads on to others."""

from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.web.job_range import CHOICES, picker, read_range, written

NOW = 1_795_348_991.0
TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["03:12", "yesterday", "2h ago", "2026-11-20 06:00", "1970-01-01"]),
)
QUERIES = st.dictionaries(st.sampled_from(["range", "from", "to", "at", "zone"]), TEXTS)


@given(QUERIES)
def test_whatever_is_asked_a_stretch_comes_out(query):
    shown = read_range(query, NOW)
    assert 0 <= shown.begin_s < shown.end_s <= NOW
    assert shown.fault or shown.length_s >= 60


@given(QUERIES)
def test_every_link_of_the_picker_shows_a_stretch_without_a_fault(query):
    shown = read_range(query, NOW)
    found = picker("/jobs/x", shown, NOW, {"worker": "hel", "scale": ""})
    links = [choice.href for choice in found.choices]
    links += [link for link in (found.earlier, found.wider, found.later) if link]
    for link in links:
        asked = dict(parse_qsl(urlsplit(link).query))
        assert asked.pop("worker") == "hel"
        again = read_range(asked, NOW)
        # What began with the first second of 1970 can go no further back.
        assert not again.fault or shown.begin_s < shown.length_s


@given(st.sampled_from(list(CHOICES)))
def test_a_choice_is_chosen_and_needs_no_more_words_than_its_own(word):
    shown = read_range({"range": word}, NOW)
    chosen = [c for c in picker("/jobs/x", shown, NOW).choices if c.chosen]
    assert [c.word for c in chosen] == [word]
    assert shown.length_s == CHOICES[word][0]
    assert read_range(shown.query, NOW) == shown


def test_later_ends_with_now_and_is_the_range_itself_again():
    earlier = read_range({"from": "2026-11-22 03:00", "to": "2026-11-22 09:00"}, NOW)
    found = picker("/jobs/x", earlier, NOW)
    assert found.later == "/jobs/x?from=2026-11-22+06%3A00&to=2026-11-22+12%3A00"
    last = read_range({}, NOW)
    assert picker("/jobs/x", last, NOW).later == ""


def test_a_moment_is_written_as_it_is_read():
    assert written(NOW) == "2026-11-22 12:03:11"
    assert (
        read_range({"from": written(NOW - 120), "to": written(NOW)}, NOW).end_s == NOW
    )


def test_a_range_is_read_and_written_by_the_clocks_of_a_zone():
    asked = {"from": "2026-03-29", "to": "2026-03-30", "zone": "Europe/Helsinki"}
    shown = read_range(asked, NOW, ZoneInfo("Europe/Helsinki"))
    assert shown.length_s == 23 * 3600
    found = picker("/jobs/x", shown, NOW)
    assert (found.begin, found.end) == ("2026-03-29 00:00", "2026-03-30 00:00")
    assert found.zone == "Europe/Helsinki"
    assert found.words.endswith("29 Mar 2026 00:00 – 30 Mar 2026 00:00 EEST, 23h")
    # An address that says no zone is of UTC, whoever opens it.
    assert shown.query == {"from": "2026-03-28 22:00", "to": "2026-03-29 21:00"}
    assert read_range(shown.query, NOW).span == shown.span


def test_a_zone_that_is_none_is_told():
    asked = {"from": "03:00", "to": "04:00", "zone": "Moon/Base"}
    assert "no time zone 'Moon/Base'" in read_range(asked, NOW).fault


@pytest.mark.parametrize("begin", [1_792_886_400.0, 1_792_890_000.0])
def test_a_moment_of_an_hour_that_comes_twice_is_read_as_it_was_meant(begin):
    berlin = ZoneInfo("Europe/Berlin")
    first, last = written(begin + 600, berlin), written(begin + 1800, berlin)
    asked = {"from": first, "to": last, "zone": "Europe/Berlin"}
    shown = read_range(asked, NOW, berlin)
    assert (shown.begin_s, shown.end_s) == (begin + 600, begin + 1800), first
