"""Decisions about workers as they are typed."""

import pytest

from pangea.mesh.identity import node_id
from tests.cli.conftest import a_job, a_page
from tests.cli.test_views import WORKER

ID = node_id(b"k" * 32)
ANSWER = WORKER | {"id": ID, "notices": [], "approved_by": "ada"}


@pytest.mark.parametrize(
    "typed", [ID, ID.upper(), ID.replace("-", ""), ID.replace("-", " ")]
)
def test_an_id_is_read_however_it_is_typed(run, api, typed):
    api.on(f"POST /api/v1/workers/{ID}/approve", ANSWER)
    result = run("worker", "approve", typed)
    assert result.exit_code == 0
    assert f"approved {ANSWER['name']} ({ID})" in result.stdout


@pytest.mark.parametrize("place", [0, 8, 21, 40])
def test_a_slip_in_an_id_is_noticed_before_anything_is_asked(run, api, place):
    other = "a" if ID[place] != "a" else "b"
    result = run("worker", "approve", ID[:place] + other + ID[place + 1 :])
    assert result.exit_code == 2
    assert "slip" in result.stderr
    assert api.asked == []


@pytest.mark.parametrize("typed", [ID[:-1], ID + "a", ID.replace("-", "")[:-1] + "0"])
def test_an_id_with_a_letter_too_few_or_wrong_is_noticed(run, api, typed):
    result = run("worker", "approve", typed)
    assert result.exit_code == 2
    assert api.asked == []


def test_a_name_is_taken_as_it_is(run, api):
    api.on("POST /api/v1/workers/hel-2.dmz/approve", ANSWER)
    assert run("worker", "approve", "hel-2.dmz").exit_code == 0


def test_a_revocation_asks_first_and_names_the_next_step(run, api):
    api.on("GET /api/v1/workers/hel", ANSWER)
    api.on(f"POST /api/v1/workers/{ID}/revoke", ANSWER)
    api.on("GET /api/v1/jobs", a_page())
    refused = run("worker", "revoke", "hel")
    assert refused.exit_code == 2
    assert "--yes" in refused.stderr
    assert api.bodies(f"POST /api/v1/workers/{ID}/revoke") == []
    result = run("worker", "revoke", "hel", "--yes", "--reason", "stolen")
    assert result.exit_code == 0
    assert api.bodies(f"POST /api/v1/workers/{ID}/revoke") == [{"reason": "stolen"}]
    assert "rotate" in result.stderr


DIALLED = {
    "address": "192.0.2.7:7464",
    "worker": "dmz",
    "id": ID,
    "state": "approved",
    "connected": True,
    "by": "ada",
    "added_at": "2026-01-01T00:00:00.000000Z",
    "trouble": "",
}


def test_a_worker_is_dialled(run, api):
    api.on("POST /api/v1/workers/dial", DIALLED, 201)
    result = run("worker", "dial", "192.0.2.7")
    assert result.exit_code == 0
    assert result.stdout == f"dialled 192.0.2.7:7464: dmz ({ID})\n"
    assert api.bodies("POST /api/v1/workers/dial") == [{"address": "192.0.2.7"}]


def test_a_dialled_worker_that_waits_says_how_to_approve_it(run, api):
    api.on("POST /api/v1/workers/dial", DIALLED | {"state": "pending"}, 201)
    result = run("worker", "dial", "192.0.2.7")
    assert f"pangea worker approve {ID}" in result.stderr


def test_an_address_is_forgotten(run, api):
    api.on("DELETE /api/v1/worker-dials/%5B%3A%3A1%5D%3A7464", None, 204)
    result = run("worker", "dial", "--forget", "[::1]:7464")
    assert result.exit_code == 0
    assert "no more" in result.stderr


def test_the_path_and_the_address_are_in_the_wide_list(run, api):
    shown = WORKER | {"id": ID, "path": "via mid", "dialled": "192.0.2.7:7464"}
    api.on("GET /api/v1/workers", {"items": [shown], "next": None})
    wide = run("worker", "list", "-o", "wide").stdout
    assert "via mid" in wide
    assert "192.0.2.7:7464" in wide


def test_rename_drain_and_remove_say_what_they_mean(run, api):
    for verb in ("rename", "drain"):
        api.on(f"POST /api/v1/workers/hel/{verb}", ANSWER)
    api.on("DELETE /api/v1/workers/hel", None, 204)
    api.on("GET /api/v1/workers/hel", ANSWER)
    api.on("GET /api/v1/jobs", a_page())
    assert run("worker", "rename", "hel", "oslo").exit_code == 0
    assert run("worker", "drain", "hel").exit_code == 0
    assert run("worker", "drain", "hel", "--off").exit_code == 0
    assert run("worker", "remove", "hel").exit_code == 0
    assert api.bodies("POST /api/v1/workers/hel/rename") == [{"name": "oslo"}]
    assert api.bodies("POST /api/v1/workers/hel/drain") == [
        {"draining": True},
        {"draining": False},
    ]


def test_a_token_is_the_data_and_the_command_a_remark(run, api):
    said = {"token": "pangea-join-1.x.y", "id": "0", "expires_at": "", "command": "cmd"}
    api.on("POST /api/v1/worker-tokens", said, 201)
    result = run("worker", "token", "--expires", "90m", "--approve", "--site", "fra")
    assert result.stdout == "pangea-join-1.x.y\n"
    assert "cmd" in result.stderr
    assert api.bodies("POST /api/v1/worker-tokens") == [
        {"expires_s": 5400.0, "approve": True, "site": "fra"}
    ]
    assert run("worker", "token", "--expires", "soon").exit_code == 2


def test_the_list_says_who_waits_and_what_to_type(run, api):
    api.on("GET /api/v1/workers", {"items": [ANSWER | {"state": "pending"}]})
    result = run("worker", "list")
    assert f"pangea worker approve {ID}" in result.stderr


@pytest.mark.parametrize(
    ("changes", "state", "command"),
    [
        ({"trusted": False}, "untrusted", "pangea worker approve york"),
        ({"draining": True}, "draining", "pangea worker drain york --off"),
        ({"state": "pending"}, "pending", f"pangea worker approve {ID}"),
    ],
)
def test_what_is_not_as_it_should_be_is_named_with_what_ends_it(
    run, api, changes, state, command
):
    worker = ANSWER | changes
    api.on("GET /api/v1/workers", a_page(worker))
    api.on("GET /api/v1/workers/york", worker)
    for form in ("table", "wide"):
        shown = run("worker", "list", "-o", form)
        assert state in shown.stdout
        assert command in shown.stderr
    card = run("worker", "show", "york").stdout
    assert state in card
    assert command in card


def test_one_that_waits_is_not_up(run, api):
    api.on("GET /api/v1/workers", a_page(ANSWER | {"state": "pending"}))
    shown = run("worker", "list").stdout
    assert "WAITING" in shown
    assert "UP" not in shown


def test_jobs_that_then_have_nobody_are_named_first(run, api):
    here, there = {"worker": "york", "state": "probing"}, {"worker": "hel"}
    api.on(
        "GET /api/v1/jobs",
        a_page(
            a_job(name="alone", votes=[here, there | {"state": "stopped"}]),
            a_job(name="shared", votes=[here, there | {"state": "lost"}]),
            a_job(name="paused", votes=[here], enabled=False),
        ),
    )
    api.on("GET /api/v1/workers/york", ANSWER)
    refused = run("worker", "revoke", "york").stderr
    assert "probes alone\n" in refused
    assert "shared" not in refused


def test_tokens_are_listed_without_their_secret_and_withdrawn_by_id(run, api):
    token = {
        "id": "0a" * 8, "state": "used", "approve": True, "site": "",
        "created_at": "2026-01-01T00:00:00.000000Z", "created_by": "ada",
        "expires_at": "2026-01-01T01:00:00.000000Z", "used_at": None,
        "used_by": ID, "worker": "hel",
    }  # fmt: skip
    api.on("GET /api/v1/worker-tokens", {"items": [token], "next": None})
    api.on(f"DELETE /api/v1/worker-tokens/{'0a' * 8}", None, 204)
    result = run("worker", "token", "--list")
    assert result.exit_code == 0
    for word in ("0a" * 8, "used", "hel", "ada"):
        assert word in result.stdout
    assert run("worker", "token", "--withdraw", "0a" * 8).exit_code == 0
    assert api.bodies("POST /api/v1/worker-tokens") == []


@pytest.mark.parametrize(
    "both", [["--list", "--approve"], ["--withdraw", "x", "--expires", "1h"]]
)
def test_to_list_or_withdraw_makes_no_token(run, api, both):
    assert run("worker", "token", *both).exit_code == 2
    assert api.asked == []
