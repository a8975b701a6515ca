"""The rule in force for a job: its own terms, over those of its organisation."""

from msgspec.structs import replace

from .model import PUSHED, Job
from .rule import Rule, parse_rule

#: What reports by itself is believed at once, for bad and for good.
TOLD = Rule(up_rounds=1, confirm=False)
USUAL = Rule()


def rule_for(job: Job, defaults: str = "", text: str | None = None) -> Rule:
    """Return what *job* is judged by; *text* instead of its own rule, if given.

    *defaults* say nothing of a job that reports by itself. Raises UsageError.
    """
    told = job.type in PUSHED
    base = replace(TOLD if told else USUAL, expect_fail=job.expect == "fail")
    own = job.rule if text is None else text
    return parse_rule(own, "" if told else defaults, base)
