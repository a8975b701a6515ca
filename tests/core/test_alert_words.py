"""The words of a message: all that whoever is woken would look up."""

from msgspec.structs import replace

from pangea.core.alert_words import MOST_LINES, Around, say
from pangea.core.notice import Notice
from tests.core.test_notification import one

S = 1_000_000
T0 = 1_767_600_000 * S
NOTICE = Notice(
    key="i.0",
    kind="down",
    severity="critical",
    org=1,
    at_us=T0,
    since_us=T0,
    title="web",
    reason="2 of 3 failed: refused",
    incident="abcdefghij",
    facts={
        "job": "web",
        "votes": "paris: failed, refused\noslo: ok, 12 ms",
        "why": "2 of 3 failed: refused",
        "evidence": "same address; only paris is cut after 10.8.0.1",
    },
)
AROUND = Around(now_us=T0 + 65 * S, url="https://pangea.example")
DOWN = one(1, notice=NOTICE, step="down", rule_name="default")


def test_it_says_what_since_when_seen_from_where_why_and_what_to_do():
    said = say([DOWN], AROUND)
    assert said.subject == "DOWN web: 2 of 3 failed: refused"
    assert said.text.splitlines() == [
        "web: DOWN since 2026-01-05 08:00:00 UTC (for 1m5s).",
        "",
        "Why          2 of 3 failed: refused",
        "Seen from    paris: failed, refused",
        "             oslo: ok, 12 ms",
        "Difference   same address; only paris is cut after 10.8.0.1",
        "",
        "Incident     https://pangea.example/incidents/abcdefghij",
        "Job          https://pangea.example/jobs/web",
        "Next         take care of it: pangea incident ack abcdefghij",
        "",
        "Told by the rule default (down), n001.",
    ]
    assert said.url == "https://pangea.example/incidents/abcdefghij"
    assert said.data["facts"] == NOTICE.facts
    assert said.data["links"]["job"] == "https://pangea.example/jobs/web"


def test_what_is_over_says_how_long_it_was_and_asks_for_nothing():
    over = replace(NOTICE, at_us=T0 + 754 * S)
    told = replace(DOWN, kind="recovered", step="recovered", notice=over)
    said = say([told], Around(now_us=T0 + 755 * S, settles=("abcdefghij",)))
    assert said.subject == "RECOVERED web after 12m34s"
    assert "over since 2026-01-05 08:12:34 UTC, after 12m34s" in said.text
    assert "It was       2 of 3 failed" in said.text
    assert "Next" not in said.text
    assert said.data["settles"] == ["abcdefghij"]


def test_reminders_escalations_and_growth_say_what_they_are():
    firsts = {
        "remind.down.2": ("[reminder] DOWN", "nobody has acknowledged it"),
        "down.1": ("[escalated] DOWN", "so you are told as well"),
        "grown.1": ("[more] DOWN", "More jobs are part of it"),
    }
    for step, (subject, words) in firsts.items():
        said = say([replace(DOWN, step=step)], AROUND)
        assert said.subject.startswith(subject)
        assert words in said.text


def test_a_drill_says_so_before_all_else():
    drill = replace(DOWN, notice=replace(NOTICE, drill=True))
    assert say([drill], AROUND).text.startswith("This is a DRILL")


def test_what_may_have_arrived_before_says_so():
    assert "reached you already" in say([DOWN], replace(AROUND, repeated=True)).text


def test_many_are_a_list_with_the_rest_counted():
    them = [
        one(n, notice=replace(NOTICE, title=f"web-{n}"), kind="down")
        for n in range(MOST_LINES + 7)
    ]
    over = replace(them[0], id="x", kind="recovered", step="recovered")
    said = say([*them, over], AROUND)
    assert said.subject == "57 DOWN, 1 RECOVERED: web-0, web-1, web-2 and 54 more"
    assert said.text.count("  [abcdefghij]") == MOST_LINES
    assert "… and 8 more." in said.text
    assert (said.data["count"], len(said.data["items"])) == (58, MOST_LINES)


def test_without_an_address_there_are_no_links():
    said = say([DOWN], replace(AROUND, url=""))
    assert "http" not in said.text
    assert said.data["links"] == {}


def test_a_long_reason_makes_no_long_subject_and_text_that_lies_stays_one_line():
    notice = replace(NOTICE, title="x" * 300, reason="y\r\nBcc: all@example.com")
    said = say([replace(DOWN, notice=notice)], AROUND)
    assert len(said.subject) <= 200
    assert "\n" not in said.subject
    assert "\r" not in said.subject
