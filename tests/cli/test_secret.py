"""`pangea secret`: made, printed, and rotated in three steps."""

import json

import pytest

from pangea.mesh.secret_ring import SecretRing

ANSWER = {
    "stage": "used",
    "secrets": [
        {"id": "bbbb2222", "state": "current", "created": "2026-01-01T00:00:00Z"},
        {"id": "aaaa1111", "state": "old", "created": "2026-01-01T00:00:00Z"},
    ],
    "workers": [
        {"worker": "hel", "connected": True, "secret": "bbbb2222", "last_seen": None},
        {"worker": "york", "connected": False, "secret": None,
         "last_seen": "2026-01-01T00:00:00Z"},
    ],
    "stragglers": ["york"],
    "deadline": None,
}  # fmt: skip


def test_a_new_secret_is_whole_and_never_the_same(run):
    first, second = run("secret", "new").stdout, run("secret", "new").stdout
    assert first != second
    assert SecretRing.parse(first.encode()).current.text == first.strip()


@pytest.mark.parametrize(
    ("words", "call"),
    [
        (("start",), "POST /api/v1/secrets/start"),
        (("use",), "POST /api/v1/secrets/use"),
        (("finish",), "POST /api/v1/secrets/finish"),
        (("status",), "GET /api/v1/secrets"),
    ],
)
def test_each_step_says_who_is_missing_and_what_comes_next(run, api, words, call):
    api.on(call, ANSWER)
    result = run("secret", "rotate", *words)
    assert result.exit_code == 0
    assert "1 of 2 on the current secret" in result.stdout
    assert "york" in result.stdout
    assert "rotate finish" in result.stderr
    assert json.loads(run("secret", "rotate", *words, "--json").stdout) == ANSWER


def test_finish_sends_what_to_do_about_the_stragglers(run, api):
    call = "POST /api/v1/secrets/finish"
    api.on(call, ANSWER)
    run("secret", "rotate", "finish", "--force")
    run("secret", "rotate", "finish", "--within", "1d")
    assert api.bodies(call) == [{"force": True}, {"force": False, "within_s": 86400.0}]


def test_stragglers_are_a_conflict_with_the_way_out(run, api):
    api.problem("POST /api/v1/secrets/finish", 409, "york was not seen", "give --force")
    result = run("secret", "rotate", "finish")
    assert result.exit_code == 6
    assert "york was not seen" in result.stderr
    assert "--force" in result.stderr
