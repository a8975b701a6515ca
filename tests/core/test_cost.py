"""What a job costs is said with the bound that the trust line promises."""

from pangea.core.cost import cost_of, in_words
from pangea.core.trust_line import promised_s


def test_the_line_says_the_bound_it_was_given():
    told = in_words(cost_of(30, 3, promised_s(30, 10, 3)))
    assert told == (
        "costs a probe every 30s on each of 3 workers, a probe every 10s on the "
        "target, 778 kB a day; an outage is seen within 31s"
    )
    told = in_words(cost_of(0.5, 1, 9))
    assert told.startswith("costs 2 probes a second on each of 1 worker, 2 probes a s")
    assert "15.6 MB a day" in told


def test_further_rounds_and_a_worker_alone_take_longer():
    assert promised_s(30, 10, 3, down_rounds=3) == 31 + 2 * 11
    assert promised_s(30, 10, 1) == 30 + 40 + 7


def test_a_rule_that_its_workers_cannot_meet_is_told():
    assert in_words(cost_of(30, 1, None)).endswith("they can confirm no outage")


def test_without_workers_nothing_is_promised():
    assert in_words(cost_of(30, 0, None)).startswith("costs nothing yet")
