"""The tables of cases in docs/verdicts.md, run as they stand there."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from pangea.core.electorate import reseat, sicken, suspend
from pangea.core.model import COORDINATOR, Worker
from pangea.core.rule import TERMS, canonical, parse_rule
from pangea.core.tally import LINES
from pangea.core.verdict import JobState, judge
from pangea.core.votes import Vote, VoteValue

DOCUMENT = Path(__file__).parents[2] / "docs" / "verdicts.md"
EVERY_S, TIMEOUT_S, TOOK_MS = 30.0, 10.0, 20.0


class Case(NamedTuple):
    """A line of a table."""

    where: str
    workers: dict[int, Worker]
    rule: str
    steps: str
    verdict: str
    line: str


def cells(line):
    return [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]


def cases():
    where, workers, inside = "", {}, False
    for text in DOCUMENT.read_text().splitlines():
        if text.startswith("#"):
            where, inside = text.strip("# "), False
        found = re.fullmatch(r"Electorate: `(.+)`", text)
        if found:
            names = [word.partition("/") for word in found[1].split()]
            first = COORDINATOR if names[0][0] == "coordinator" else 1
            workers = {
                number: Worker(id=number, key=b"", name=name, region=region)
                for number, (name, _, region) in enumerate(names, first)
            }
        if text.startswith("| rule | what happens |"):
            inside = True
        elif inside and text.startswith("| `"):
            yield Case(where, workers, *cells(text))
        elif not text.startswith("|"):
            inside = False


class World:
    """One job on which things happen."""

    def __init__(self, case):
        self.workers = case.workers
        self.ids = {w.name: w.id for w in case.workers.values()}
        self.rule = parse_rule(case.rule)
        self.state, self.now, self.asked = JobState(1), 1000.0, None
        self.lost, self.sick = set(), {}
        self.take(reseat, tuple(self.workers))

    def take(self, change, *given, votes=()):
        more = (votes,) if change is reseat else ()
        about = (votes,) if change is judge else given
        judged = change(self.state, *about, self.rule, self.now, *more, self.workers)
        self.state = judged.state
        if judged.repeat_after_s is not None:
            self.asked = judged.repeat_after_s

    def vote(self, worker, word):
        value, lasts = VoteValue(word), 2 * EVERY_S + TIMEOUT_S
        at, self.now = self.now, self.now + TOOK_MS / 1000
        why = "" if value is VoteValue.OK else "refused"
        took = TOOK_MS + self.now % 1
        vote = Vote(worker, value, at, at + lasts, took, why, why)
        self.asked = None
        self.take(judge, votes=[vote])

    def again(self, word):
        assert self.asked is not None, "nobody asked for another try"
        self.now += self.asked
        self.vote(self.state.voters[0], word)

    def step(self, words):
        match words.split():
            case ["wait"]:
                self.now += 10 * EVERY_S
                self.take(judge)
            case ["again", word]:
                self.again(word)
            case ["all", word]:
                for worker in self.state.electorate:
                    self.vote(worker, word)
            case [name, "lost" | "back" as word]:
                (self.lost.add if word == "lost" else self.lost.discard)(self.ids[name])
                self.take(suspend, tuple(self.lost))
            case [name, "leaves"]:
                seats = [w for w in self.state.electorate if w != self.ids[name]]
                self.take(reseat, tuple(seats))
            case [name, "sick"]:
                self.sick[self.ids[name]] = "gateway"
                self.take(sicken, dict(self.sick))
            case [name, "well"]:
                del self.sick[self.ids[name]]
                self.take(sicken, dict(self.sick))
            case [name, word]:
                self.vote(self.ids[name], word)


CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=[f"{c.where}: {c.steps}" for c in CASES])
def test_every_case_of_the_document_is_so(case):
    world = World(case)
    for number, interval in enumerate(case.steps.split(";")):
        begun = 1000.0 + number * EVERY_S
        world.now = max(world.now, begun)
        for words in interval.split(","):
            world.step(words.strip())

    assert (world.state.verdict, world.state.line) == (case.verdict, case.line)


def test_the_document_has_cases_for_each_kind_of_trouble():
    wanted = ("One worker", "Two workers", "Lost workers", "Partial", "Sick", "Regions")
    for word in wanted:
        assert sum(case.where.startswith(word) for case in CASES) >= 8, word


def test_the_document_names_every_line_and_the_cases_show_each():
    text = DOCUMENT.read_text()
    for line, says in LINES.items():
        assert f"| `{line}` | {says} |" in text
    assert {case.line for case in CASES} == set(LINES)


def test_the_document_names_every_term_of_a_rule():
    for name, term in TERMS.items():
        assert f"| `{name}=" in DOCUMENT.read_text()
        assert canonical(f"{name}={term.example}").startswith(f"{name}=")
