"""The command line in this process, against an API that the test writes."""

from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result

from pangea.cli.main import root
from tests.cli.api import Api, running_api

Run = Callable[..., Result]


@pytest.fixture
def api() -> Iterator[Api]:
    with running_api() as api:
        yield api


@pytest.fixture
def run(api, tmp_path, monkeypatch) -> Run:
    """Run one command line against *api*, in an empty directory, as nobody."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PANGEA_SERVER", api.url)
    monkeypatch.setenv("PANGEA_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("PANGEA_DISCOVERY", raising=False)

    def run(*args: str, **more) -> Result:
        result = CliRunner().invoke(root, list(args), **more)
        assert "Traceback" not in result.output
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def a_job(**changes) -> dict:
    """Return a job as the API tells it."""
    job = {
        "id": 1, "name": "web", "type": "http", "target": "https://example.com",
        "interval_s": 30.0, "timeout_s": 10.0, "on": "all", "rule": "majority",
        "options": {}, "labels": {}, "enabled": True, "verdict": "up",
        "verdict_since": "2026-01-01T00:00:00.000000Z", "verdict_reason": "1 of 1 ok",
        "votes": [], "last_duration_ms": 12.3,
    }  # fmt: skip
    return {**job, **changes}


def a_cost() -> dict:
    """Return a cost as the API tells it."""
    return {"workers": 1, "probes_per_s": 0.1, "words": "costs 0.1 probes/s"}


def a_result(**changes) -> dict:
    """Return a result as the API tells it."""
    result = {
        "worker": "london", "started_at": "2026-01-01T00:00:00.000000Z",
        "duration_ms": 1.5, "outcome": "ok", "reason": "", "detail": "",
        "phases": {"connect": 1.5}, "readings": {}, "flags": [],
    }  # fmt: skip
    return {**result, **changes}


def a_page(*items, next_=None) -> dict:
    """Return a list answer."""
    return {"items": list(items), "next": next_}
