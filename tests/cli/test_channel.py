"""`pangea channel`."""

import json

import pytest

from pangea.core.options import MASK

ALL, ONE = "/api/v1/channels", "/api/v1/channels/ops"
CHANNEL = {
    "name": "ops",
    "type": "slack",
    "place": "hooks.slack.com",
    "enabled": True,
    "per_minute": 30,
    "options": {"url": MASK},
    "used_by": ["everything"],
    "trouble": "",
    "created_at": "2026-01-31T22:00:00.000000Z",
}
TYPES = {
    "items": [
        {
            "name": "slack",
            "does": "a Slack channel",
            "options": [
                {"name": "url", "secret": True, "default": None},
                {"name": "tls_fingerprint", "secret": False, "default": ""},
            ],
        }
    ],
    "next": None,
}
TEST = {
    "channel": "ops",
    "outcome": "sent",
    "answer": "200 ok",
    "hint": "",
    "took_ms": 12.3,
    "retry_after_s": None,
}


def test_a_channel_is_added_with_its_secret_from_a_file(api, run, tmp_path):
    (tmp_path / "url.txt").write_text("https://hooks.slack.com/services/x\n")
    api.on(f"POST {ALL}", CHANNEL, status=201)
    ran = run("channel", "add", "slack", "ops", "--set", "url=@url.txt")
    assert ran.exit_code == 0
    assert api.asked[-1][2] == {
        "name": "ops",
        "type": "slack",
        "options": {"url": "https://hooks.slack.com/services/x"},
        "enabled": True,
    }
    assert "services/x" not in ran.output
    assert "pangea channel test ops" in ran.output


def test_a_list_shows_what_is_wrong(api, run):
    broken = {
        **CHANNEL,
        "used_as_all": ["default"],
        "name": "page",
        "trouble": "exec: not\x1b[31m among",
    }
    api.on(f"GET {ALL}", {"items": [CHANNEL, broken], "next": None})
    ran = run("channel", "list")
    assert "ops   slack  hooks.slack.com  on" in ran.output
    assert "  everything, all (default)" in ran.output
    assert r"page: exec: not\x1b[31m among" in ran.output


def test_one_is_shown(api, run):
    api.on(f"GET {ONE}", CHANNEL)
    api.on(f"GET {ONE}", CHANNEL)
    ran = run("channel", "show", "ops")
    assert MASK in ran.output
    assert "everything" in ran.output
    assert json.loads(run("channel", "show", "ops", "--json").output) == CHANNEL


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        ({}, 0, "ops took it in 12 ms: 200 ok"),
        (
            {"outcome": "later", "answer": "it answered 429", "retry_after_s": 90.0},
            1,
            "ops did not take it now, again in 1m30s: it answered 429",
        ),
        (
            {"outcome": "refused", "answer": "it answered 401", "hint": "a new token"},
            1,
            "ops refused it for good: it answered 401",
        ),
    ],
)
def test_a_test_tells_what_was_answered(said, code, words, api, run):
    api.on(f"POST {ONE}/test", {**TEST, **said})
    ran = run("channel", "test", "ops")
    assert ran.exit_code == code
    assert words in ran.output
    assert said.get("hint", "") in ran.output


def test_what_is_not_given_stays(api, run):
    api.on(f"PATCH {ONE}", CHANNEL)
    run("channel", "edit", "ops", "--set", "username=", "--disable")
    assert api.asked[-1][2] == {"options": {"username": None}, "enabled": False}
    assert run("channel", "edit", "ops").exit_code == 2


def test_nobody_loses_a_secret_unasked(api, run):
    api.on(f"DELETE {ONE}", None, status=204)
    ran = run("channel", "remove", "ops")
    assert ran.exit_code == 2
    assert "--yes" in ran.output
    assert run("channel", "remove", "ops", "--yes").exit_code == 0


def test_types_and_their_options(api, run):
    api.on("GET /api/v1/channel-types", TYPES)
    for _ in range(2):
        api.on("GET /api/v1/channel-types", TYPES)
    assert "slack  a Slack channel  url" in run("channel", "types").output
    told = run("channel", "types", "slack").output
    assert "needed, secret" in told
    assert run("channel", "types", "slick").exit_code == 2
