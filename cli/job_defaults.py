"""`pangea job defaults`: the rule that holds where a job's own says nothing."""

import click

from .group import Command
from .output import pairs, show_one
from .session import Session

#: What a rule may say; the words are those of docs/verdicts.md.
RULE_HELP = (
    "majority, any, all, a number of workers, 60% or 2x2 (2 regions, 2 workers each); "
    "then terms: down=ROUNDS up=ROUNDS min_voters=N latency=500ms slower=3x loss=10% "
    "jitter=20ms days=14 confirm=off."
)


@click.command("defaults", cls=Command)
@click.option("--rule", metavar="R", help=f"{RULE_HELP} '' for none.")
@click.pass_obj
def command(session: Session, rule: str | None) -> None:
    """Show or set the rule that holds where a job's own says nothing.

    A job's own rule is laid over it term by term; all jobs are judged anew at once.

    \b
    pangea job defaults --rule 'majority up=3 latency=2s'
    pangea job edit web --rule 'any latency=off'
    """
    client = session.client()
    if rule is None:
        answer = client.get("judging")
    else:
        answer = client.put("judging", {"rule": rule})
    facts = [("rule", answer["rule"] or "-"), ("in force", answer["in_force"])]
    show_one(session, answer, lambda style: pairs(style, facts))
