"""Maintenance: windows by the clocks of a zone, also on the nights they are set."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.errors import UsageError
from pangea.core.maintenance import (
    Maintenance,
    Weekly,
    Window,
    checked,
    parse_weekly,
    window,
    windows,
)
from pangea.core.model import Job
from pangea.scheduling import next_by_cron

PARIS = "Europe/Paris"
ZONES = (PARIS, "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC")


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def shown(found):
    """Return a window as the clocks in UTC show it."""
    start, until = (datetime.fromtimestamp(t, UTC) for t in (found.start, found.until))
    return f"{start:%m-%d %H:%M} {until:%m-%d %H:%M}"


def weekly(text, zone=PARIS):
    return Maintenance(workers=(1,), weekly=parse_weekly(text), zone=zone)


def job(number=1, **labels):
    return Job(
        id=number,
        name=f"j{number}",
        type="tcp",
        target="127.0.0.1:1",
        interval_s=10,
        timeout_s=1,
        labels=labels,
    )


def test_a_night_each_week_lies_where_the_local_clocks_say():
    found = islice(
        windows(weekly("mon,fri@22:00-01:30"), utc("2026-01-01T00:00"), next_by_cron), 3
    )
    assert [shown(one) for one in found] == [
        "01-02 21:00 01-03 00:30",
        "01-05 21:00 01-06 00:30",
        "01-09 21:00 01-10 00:30",
    ]


@pytest.mark.parametrize(
    ("text", "night", "wanted"),
    [
        # Forward on 29 March 2026: 02:00 CET is 03:00 CEST, at 01:00 UTC.
        ("sun@01:00-04:00", "2026-03-28", "03-29 00:00 03-29 02:00"),
        ("sun@01:30-02:30", "2026-03-28", "03-29 00:30 03-29 01:30"),
        ("sun@02:15-02:45", "2026-03-28", "03-29 01:15 03-29 01:45"),
        ("sun@02:30-03:15", "2026-03-28", "03-29 01:30 03-29 02:15"),
        # Back on 25 October 2026: 03:00 CEST is 02:00 CET, at 01:00 UTC.
        ("sun@01:00-04:00", "2026-10-24", "10-24 23:00 10-25 03:00"),
        ("sun@02:15-02:45", "2026-10-24", "10-25 00:15 10-25 01:45"),
        ("sat@23:00-02:30", "2026-10-24", "10-24 21:00 10-25 01:30"),
    ],
)
def test_the_night_on_which_the_clocks_are_set_is_covered(text, night, wanted):
    found = window(weekly(text), utc(f"{night}T12:00"), next_by_cron)
    assert shown(found) == wanted


@given(
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, 1439),
    st.integers(0, 1440),
    st.sampled_from(ZONES),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),
)
def test_what_the_local_clock_shows_decides(days, begins, ends, zone, at):
    planned = Maintenance(
        workers=(1,), weekly=Weekly(tuple(sorted(days)), begins, ends), zone=zone
    )
    now = at.replace(tzinfo=UTC, second=0, microsecond=0)
    found = window(planned, now.timestamp(), next_by_cron)
    assert found.until > now.timestamp()
    local = now.astimezone(ZoneInfo(zone))
    spread = (timedelta(hours=h) for h in (-50, -26, 0, 26, 50))
    if len({(now + s).astimezone(ZoneInfo(zone)).utcoffset() for s in spread}) > 1:
        return  # the clocks are set near this moment: see the table above
    minute, day = local.hour * 60 + local.minute, local.weekday()
    if begins < ends:
        wanted = day in days and begins <= minute < ends
    else:
        wanted = (day in days and minute >= begins) or (
            (day - 1) % 7 in days and minute < ends
        )
    assert (found.start <= now.timestamp()) is wanted


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)),
    st.integers(0, 1439),
    st.integers(0, 1440),
)
def test_windows_never_go_backwards(zone, at, begins, ends):
    planned = Maintenance(
        workers=(1,), weekly=Weekly(tuple(range(7)), begins, ends), zone=zone
    )
    since = at.replace(tzinfo=UTC).timestamp()
    found = list(islice(windows(planned, since, next_by_cron), 10))
    assert all(one.start < one.until for one in found)
    assert found == sorted(found)


def test_cron_lasts_as_long_as_it_is_told_also_across_a_change():
    planned = Maintenance(
        jobs=(1,), cron="30 1 * * sun", length_s=7200.0, zone=PARIS, id=1
    )
    before = window(planned, utc("2026-03-28T12:00"), next_by_cron)
    assert shown(before) == "03-29 00:30 03-29 02:30"
    inside = window(planned, before.until - 1, next_by_cron)
    assert inside == before
    assert window(planned, before.until, next_by_cron).start > before.until


def test_once_is_over_when_it_is_over():
    planned = Maintenance(jobs=(1,), from_us=10_000_000, until_us=20_000_000)
    assert window(planned, 5.0, next_by_cron) == Window(10.0, 20.0)
    assert window(planned, 19.9, next_by_cron) == Window(10.0, 20.0)
    assert window(planned, 20.0, next_by_cron) is None


def test_what_a_person_ended_ends_then_and_never_comes_again():
    planned = weekly("sat@00:00-24:00", "UTC")
    noon = utc("2026-01-03T12:00")
    ended = Maintenance(
        workers=(1,), weekly=planned.weekly, ended_us=round((noon + 60) * 1e6)
    )
    assert window(ended, noon, next_by_cron).until == noon + 60
    assert window(ended, noon + 60, next_by_cron) is None


def test_jobs_are_meant_by_name_or_by_all_of_the_labels():
    planned = Maintenance(jobs=(7,), labels={"site": "a", "kind": "db"})
    assert planned.covers(job(7))
    assert planned.covers(job(1, site="a", kind="db", more="x"))
    assert not planned.covers(job(1, site="a"))
    assert not Maintenance(workers=(1,)).covers(job(1))
    assert not Maintenance(org=2, jobs=(7,)).covers(job(7))


@pytest.mark.parametrize(
    ("text", "days", "begins", "ends"),
    [
        ("mon,tue@22:00-23:30", (0, 1), 1320, 1410),
        ("mon-fri@8:00-18:00", (0, 1, 2, 3, 4), 480, 1080),
        ("Sat-Mon@00:00-24:00", (0, 5, 6), 0, 1440),
        ("@03:00-04:00", (0, 1, 2, 3, 4, 5, 6), 180, 240),
    ],
)
def test_weeks_are_read_as_people_write_them(text, days, begins, ends):
    assert parse_weekly(text) == Weekly(days, begins, ends)
    assert parse_weekly(str(parse_weekly(text))) == parse_weekly(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "parted by @"),
        ("mon", "parted by @"),
        ("mon@22:00", "until when"),
        ("mon@25:00", "'25:00' is no time of day"),
        ("day@1:00-2:00", "'day' is no day"),
        ("mon@24:00-1:00", "'24:00' is no time of day"),
        ("mon@1:60-2:00", "'1:60' is no time of day"),
    ],
)
def test_a_week_that_is_none_is_refused(text, why):
    with pytest.raises(UsageError, match=f"cannot read the week in .*{why}"):
        parse_weekly(text)


@pytest.mark.parametrize(
    ("planned", "words"),
    [
        (Maintenance(until_us=9_000_000), "of what"),
        (Maintenance(jobs=(1,)), "when"),
        (Maintenance(jobs=(1,), until_us=9_000_000, cron="0 3 * * 0"), "when"),
        (Maintenance(jobs=(1,), from_us=9_000_000, until_us=8_000_000), "before it"),
        (Maintenance(jobs=(1,), until_us=2_000_000), "over already"),
        (Maintenance(jobs=(1,), from_us=1 << 57, until_us=(1 << 57) + 1), "too far"),
        (Maintenance(jobs=(1,), cron="0 3 * * 0"), "before it begins"),
        (Maintenance(jobs=(1,), cron="0 3 * * 0", length_s=float("inf")), "cannot be"),
        (Maintenance(jobs=(1,), cron="0 3", length_s=60.0), "cannot read cron"),
        (Maintenance(jobs=(1,), until_us=9_000_000, zone="Mars/Base"), "time zone"),
        (Maintenance(jobs=(1,), until_us=9_000_000, zone="../etc"), "time zone"),
    ],
)
def test_what_can_never_be_is_refused(planned, words):
    with pytest.raises(UsageError, match=words):
        checked(planned, 5.0, next_by_cron)
