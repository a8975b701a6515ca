from tests.lab.checker import Death, Gap, Report, Seen, Stored, check, never_down

START = 1_000_000_000_000
SECOND = 1_000_000


def run(n: int, source: str = "w1", job: str = "web") -> Seen:
    return Seen(START + n * SECOND, source, job, f"lab-{n:07d}-{source}")


def row(seen: Seen, **more) -> Stored:
    """The result of a run that the target saw a millisecond after its begin."""
    known = {
        "source": seen.source,
        "job": seen.job,
        "started_us": seen.at_us - 1000,
        "duration_us": 3000,
        "outcome": "ok",
        "reason": "",
        "token": seen.token,
    }
    return Stored(**known | more)


RUNS = [run(n) for n in range(5)]
ROWS = [row(seen) for seen in RUNS]


def test_what_is_stored_once_is_accounted_for():
    report = check(RUNS, ROWS)
    assert report.faults == []
    assert (report.seen, report.stored) == (5, 5)


def test_what_is_not_stored_is_lost():
    report = check(RUNS, ROWS[:2] + ROWS[3:])
    assert report.counts == {"lost": 1}
    assert RUNS[2].token in report.faults[0]


def test_what_is_stored_twice_is_doubled():
    assert check(RUNS, [*ROWS, ROWS[3]]).counts == {"doubled": 1}


def test_what_the_target_never_saw_is_invented():
    assert check(RUNS[:4], ROWS).counts == {"invented": 1}


def test_results_of_one_worker_do_not_stand_for_those_of_another():
    other = run(2, source="w2")
    report = check([*RUNS, other], ROWS)
    assert report.counts == {"lost": 1}


def test_a_gap_explains_as_many_as_it_counts_and_no_more():
    gap = Gap("w1", "buffer overflow", {"web": 2})
    report = check(RUNS, ROWS[3:], gaps=[gap])
    assert report.in_gaps == 2
    assert report.counts == {"lost": 1}


def test_a_gap_that_knows_no_jobs_explains_as_many_as_it_has_numbers():
    gap = Gap("w1", "the spool was damaged", {}, 2)
    report = check(RUNS, ROWS[3:], gaps=[gap])
    assert report.in_gaps == 2
    assert report.counts == {"lost": 1}


def test_a_gap_that_counts_too_many_is_told():
    gap = Gap("w1", "buffer overflow", {"web": 2})
    assert check(RUNS, ROWS[1:], gaps=[gap]).claimed_twice == 1


def test_a_kill_cuts_short_one_run_of_a_job():
    killed = Death("w1", RUNS[4].at_us + 1000, RUNS[4].at_us + 1000)
    report = check(RUNS, ROWS[:4], deaths=[killed])
    assert (report.in_flight, report.faults) == (1, [])
    assert check(RUNS, ROWS[:3], deaths=[killed]).counts == {"lost": 1}


def test_a_kill_does_not_explain_what_was_finished_long_before():
    killed = Death("w1", RUNS[4].at_us + SECOND, RUNS[4].at_us + SECOND)
    assert check(RUNS, ROWS[:4], deaths=[killed]).counts == {"lost": 1}


def test_what_was_asked_just_before_a_kill_may_be_noted_after_it():
    for late_us, lost in ((200_000, {}), (400_000, {"lost": 1})):
        at_us = RUNS[4].at_us - late_us
        report = check(RUNS, ROWS[:4], deaths=[Death("w1", at_us, at_us)])
        assert report.counts == lost


def test_a_kill_of_another_worker_explains_nothing():
    killed = Death("w2", RUNS[4].at_us, RUNS[4].at_us)
    assert check(RUNS, ROWS[:4], deaths=[killed]).counts == {"lost": 1}


def test_a_run_that_failed_half_way_is_known_by_its_time():
    bare = row(RUNS[2], token="", outcome="failed")
    report = check(RUNS, [*ROWS[:2], bare, *ROWS[3:]])
    assert (report.without_token, report.faults) == (1, [])
    elsewhen = bare._replace(started_us=bare.started_us + 600_000)
    assert check(RUNS, [*ROWS[:2], elsewhen, *ROWS[3:]]).counts == {"lost": 1}


def test_a_stored_time_that_is_not_the_targets_is_wrong():
    late = row(RUNS[2], started_us=RUNS[2].at_us + 400_000)
    rows = [*ROWS[:2], late, *ROWS[3:]]
    assert check(RUNS, rows).counts == {"wrong time": 1}
    assert check(RUNS, rows, bent_us={"w1": 300_000}).faults == []
    assert check(RUNS, rows, bent_us={"w2": 300_000}).counts == {"wrong time": 1}


def test_a_time_that_is_flagged_as_corrected_promises_nothing():
    flagged = row(RUNS[2], started_us=START + 99 * SECOND, flags=("clamped",))
    report = check(RUNS, [*ROWS[:2], flagged, *ROWS[3:]])
    assert (report.clamped, report.faults) == (1, [])


def test_two_runs_that_change_places_are_out_of_order():
    swapped = [
        ROWS[0],
        row(RUNS[2], token=RUNS[1].token),
        row(RUNS[1], token=RUNS[2].token),
        *ROWS[3:],
    ]
    report = check(RUNS, swapped, bent_us={"w1": 2 * SECOND})
    assert report.counts == {"out of order": 1}


def test_a_target_that_is_well_is_never_down():
    report = Report()
    never_down([("web", "up"), ("web", "unknown")], report)
    assert report.faults == []
    never_down([("web", "down")], report)
    assert report.counts == {"called down": 1}
