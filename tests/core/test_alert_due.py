"""What is due to whom, and when: nothing twice, nothing after it is taken care of."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pangea.core.alert_due import Alert, Told, due
from pangea.core.alert_rule import AlertRule, Escalation
from pangea.core.maintenance import parse_weekly
from pangea.core.notice import Notice

S = 1_000_000
T0 = 1_767_600_000 * S
RULE = AlertRule(id=1, name="r", channels=(1,))
NOTICE = Notice(
    key="i.0",
    kind="down",
    severity="critical",
    org=1,
    at_us=T0,
    since_us=T0,
    title="web",
    incident="i",
)
ALERT = Alert(key="i.0", notice=NOTICE, timer_us=T0)
ALL = (1, 2, 3)


class Play:
    """One rule and one alert, and what is told as time goes by."""

    def __init__(self, rule=RULE, alert=ALERT):
        self.rule, self.alert, self.now_us = rule, alert, T0
        self.told, self.to, self.everybody = [], [], ALL

    def look(self):
        while True:
            plan = due(self.rule, self.alert, self.now_us, self.everybody, list)
            if not plan.due:
                return plan.next_us
            for one in plan.due:
                self.told.append(one.name)
                self.to.append(one.channels)
                told = Told(self.now_us, self.alert.size, one.channels)
                self.alert = self.alert.tell(self.rule.id, one.name, told)

    def after(self, seconds):
        self.now_us = T0 + round(seconds * S)
        self.told.clear()
        self.to.clear()
        self.look()
        return list(self.told)

    def change(self, **more):
        self.alert = replace(self.alert, **more)


def test_it_is_told_at_once_and_once():
    play = Play()
    assert play.after(0) == ["down"]
    assert play.after(1) == play.after(1e6) == []


def test_who_names_no_channels_means_all_of_them():
    plan = due(replace(RULE, channels=()), ALERT, T0, ALL, list)
    assert plan.due[0].channels == ALL
    assert due(replace(RULE, channels=()), ALERT, T0, (), list).due == ()


def test_a_channel_that_is_not_there_keeps_nobody_else_from_being_told():
    plan = due(replace(RULE, channels=(9, 2)), ALERT, T0, ALL, list)
    assert plan.due[0].channels == (2,)
    assert due(replace(RULE, channels=(9,)), ALERT, T0, ALL, list).due == ()


def test_a_step_that_nobody_is_there_for_holds_up_no_other():
    steps = (Escalation(60.0, (9,)), Escalation(600.0, (3,)))
    play = Play(replace(RULE, escalations=steps))
    assert play.after(0) == ["down"]
    play.now_us = T0 + 61 * S
    assert play.look() == T0 + 600 * S
    assert play.after(600) == ["down.2"]


def test_who_comes_later_is_told_what_the_others_were_and_moves_no_timer():
    play = Play(replace(RULE, channels=(), escalations=(Escalation(600.0, (3,)),)))
    play.everybody = (1,)
    assert play.after(0) == ["down"]
    play.everybody = (1, 2)
    assert play.after(500) == ["down"]
    assert play.to == [(2,)]
    assert play.alert.told[1]["down"] == Told(T0, 1, (1, 2))
    play.everybody = ALL
    assert play.after(600) == ["down.1"], "who has the next step is told by that"
    play.everybody = (*ALL, 4)
    play.change(acked_us=play.now_us)
    assert play.after(700) == ["acknowledged"], "no news of what is taken care of"
    assert play.after(800) == []


def test_who_comes_outside_of_the_hours_is_told_when_they_begin():
    hours = parse_weekly("mon-sun@00:00-12:00")
    play = Play(replace(RULE, channels=(), hours=hours))
    begin = T0 // S % 86400
    play.everybody = (1,)
    assert play.after(86400 - begin) == ["down"]
    play.everybody = (1, 2)
    assert play.after(86400 - begin + 13 * 3600) == []
    assert play.after(86400 - begin + 24 * 3600) == ["down"]


def test_if_the_first_are_gone_the_next_are_told_in_their_time():
    rule = replace(RULE, channels=(9,), escalations=(Escalation(60.0, (3,)),))
    play = Play(rule)
    play.after(0)
    assert play.to == [()]
    assert play.after(59) == []
    assert play.after(60) == ["down.1"]
    play.everybody = (*ALL, 9)
    assert play.after(70) == ["down"]
    assert play.to == [(9,)]
    play.change(ended_us=play.now_us)
    play.after(80)
    assert sorted(play.to[0]) == [3, 9]


def test_what_is_over_is_told_to_those_who_were_told_that_it_began():
    play = Play()
    play.look()
    play.change(ended_us=T0 + 60 * S)
    plan = due(play.rule, play.alert, T0 + 60 * S, ALL, list)
    assert [(d.name, d.kind, d.channels) for d in plan.due] == [
        ("recovered", "recovered", (1,))
    ]
    assert play.after(60) == ["recovered"]
    assert play.after(90) == []


def test_what_nobody_was_told_of_is_over_without_a_word():
    play = Play(replace(RULE, older_s=300.0))
    assert play.after(10) == []
    play.change(ended_us=T0 + 20 * S)
    assert play.after(400) == []


def test_a_rule_may_keep_silent_when_it_is_over():
    play = Play(replace(RULE, recovered=False))
    play.look()
    play.change(ended_us=T0 + 5 * S)
    assert play.after(5) == []


def test_a_rule_that_is_disabled_begins_nothing_and_ends_what_it_began():
    assert Play(replace(RULE, enabled=False)).after(5) == []
    play = Play(replace(RULE, remind_s=60.0))
    play.look()
    play.rule = replace(play.rule, enabled=False)
    assert play.after(600) == []
    play.change(acked_us=T0 + 600 * S)
    assert play.after(601) == ["acknowledged"]
    play.change(ended_us=T0 + 700 * S)
    assert play.after(700) == ["recovered"]
    assert play.after(800) == []


def test_the_end_is_due_for_channels_that_are_gone_so_that_the_log_says_why():
    play = Play()
    play.look()
    play.everybody = ()
    play.change(ended_us=T0 + 5 * S)
    assert play.after(5) == ["recovered"]
    assert play.to == [(1,)]


def test_what_became_part_of_something_else_is_over_without_a_word():
    play = Play()
    play.look()
    play.change(ended_us=T0 + 5 * S, silent=True)
    assert play.after(5) == []


def test_others_are_told_until_somebody_takes_care():
    steps = (Escalation(60.0, (2,)), Escalation(600.0, (3,)))
    play = Play(replace(RULE, escalations=steps))
    assert play.after(0) == ["down"]
    assert play.after(59.9) == []
    assert play.after(60) == ["down.1"]
    play.change(acked_us=T0 + 100 * S)
    assert play.after(100) == ["acknowledged"]
    assert play.after(10_000) == []


def test_reminders_come_later_and_later():
    play = Play(replace(RULE, remind_s=60.0, factor=2.0))
    play.after(0)
    seen = [s for s in range(1, 1000) if play.after(s)]
    assert seen == [60, 180, 420, 900]


def test_what_gets_worse_is_told_again_and_what_gets_better_is_not():
    degraded = replace(NOTICE, kind="degraded", severity="warning")
    play = Play(alert=replace(ALERT, notice=degraded))
    assert play.after(0) == ["degraded"]
    play.change(notice=NOTICE, timer_us=T0 + 30 * S)
    assert play.after(30) == ["down"]
    assert play.after(31) == []


def test_an_acknowledgement_does_not_cover_what_got_worse_after_it():
    degraded = replace(NOTICE, kind="degraded", severity="warning")
    play = Play(alert=replace(ALERT, notice=degraded))
    play.look()
    play.change(acked_us=T0 + 10 * S)
    assert play.after(10) == ["acknowledged"]
    play.change(notice=NOTICE, timer_us=T0 + 30 * S)
    assert play.after(30) == ["down"]


def test_what_is_taken_care_of_before_it_is_old_enough_is_told_to_nobody():
    play = Play(replace(RULE, older_s=300.0), replace(ALERT, acked_us=T0 + S))
    assert play.after(400) == []


def test_what_grows_is_told_again_when_it_has_doubled_and_not_at_once():
    play = Play()
    play.after(0)
    play.change(size=2)
    assert play.after(100) == []
    play.change(size=40)
    play.alert = play.alert.tell(1, "down", Told(T0, 1, (1,)))
    assert play.after(29) == []
    assert play.after(30) == ["grown.1"]
    play.change(size=79)
    assert play.after(1000) == []
    play.change(size=80)
    assert play.after(1001) == ["grown.2"]


def test_what_lasts_until_the_hours_of_a_rule_is_told_then():
    # T0 is 08:00 UTC on a Monday.
    play = Play(replace(RULE, hours=parse_weekly("mon@09:00-10:00")))
    assert play.after(0) == []
    assert play.look() == T0 + 60 * S, "it is looked at again"
    assert play.after(3600) == ["down"]


def test_what_happened_once_is_told_once_and_never_over():
    play = Play(replace(RULE, remind_s=60.0), replace(ALERT, lasting=False))
    assert play.after(0) == ["down"]
    assert play.after(1e5) == []


def test_a_clock_that_is_set_moves_no_timer():
    play = Play(replace(RULE, escalations=(Escalation(600.0, (2,)),)))
    play.after(0)
    hour = 3600
    play.alert = play.alert.shifted(hour * S)
    assert play.after(hour + 599) == []
    assert play.after(hour + 600) == ["down.1"]


EVENTS = st.lists(
    st.tuples(
        st.integers(1, 400),
        st.sampled_from(["wait", "ack", "grow", "worse", "end", "clock", "again"]),
    ),
    max_size=30,
)
RULES = st.builds(
    AlertRule,
    id=st.just(1),
    name=st.just("r"),
    channels=st.sampled_from([(), (1,), (1, 2)]),
    older_s=st.sampled_from([0.0, 60.0]),
    remind_s=st.sampled_from([0.0, 60.0, 300.0]),
    factor=st.sampled_from([1.0, 2.0]),
    escalations=st.sampled_from([(), (Escalation(60.0, (3,)),)]),
)


@given(RULES, EVENTS)
def test_whatever_happens_nothing_is_due_twice_and_silence_follows_care(rule, events):
    degraded = replace(NOTICE, kind="degraded", severity="warning")
    play = Play(rule, replace(ALERT, notice=degraded))
    seconds, names, acked = 0, [], False
    for wait, event in events:
        seconds += wait
        now_us = T0 + seconds * S
        if event == "ack" and not play.alert.ended_us:
            play.change(acked_us=now_us)
            acked = True
        elif event == "grow":
            play.change(size=play.alert.size * 3)
        elif event == "worse" and play.alert.notice.kind == "degraded":
            play.change(notice=NOTICE, timer_us=now_us)
            acked = False
        elif event == "end" and not play.alert.ended_us:
            play.change(ended_us=now_us)
        told = play.after(seconds)
        if acked:
            assert {n.partition(".")[0] for n in told} <= {
                "acknowledged",
                "grown",
                "recovered",
            }
        names += told
        assert play.after(seconds) == [], "what was told is not due any more"
    assert len(names) == len(set(names))
    if "recovered" in names:
        assert names[0] in ("degraded", "down")
        assert names[-1] == "recovered"
