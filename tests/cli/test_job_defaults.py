"""`pangea job defaults`: the rule that holds where a job's own says nothing."""

import json

from pangea.core.rule import TERMS, canonical

CALL = "/api/v1/judging"
ANSWER = {"rule": "any up=3", "in_force": "any up=3"}


def test_without_an_option_they_are_shown_and_not_set(run, api):
    api.on(f"GET {CALL}", ANSWER)
    shown = run("job", "defaults")

    assert shown.exit_code == 0
    assert "any up=3" in shown.stdout
    assert json.loads(run("job", "defaults", "--json").stdout) == ANSWER
    assert not api.bodies(f"PUT {CALL}")


def test_a_rule_is_sent_as_it_was_said(run, api):
    api.on(f"PUT {CALL}", ANSWER)
    run("job", "defaults", "--rule", "any up=3")
    run("job", "defaults", "--rule", "")

    assert api.bodies(f"PUT {CALL}") == [{"rule": "any up=3"}, {"rule": ""}]


def test_help_names_every_term(run):
    said = " ".join(run("job", "add", "--help").stdout.split())
    for name, term in TERMS.items():
        assert f" {name}=" in said, name
        assert canonical(f"{name}={term.example}")
