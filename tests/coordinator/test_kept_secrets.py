"""No way of writing a change takes a stored secret to another server."""

import pytest

from pangea.coordinator.channel_service import _over
from pangea.coordinator.kept_secrets import refuse_moved
from pangea.core.credentials import MASK
from pangea.core.errors import UsageError

OLD = {"url": "https://a.example/x", "headers": {"Authorization": "s3", "Team": "a"}}


def change(given: dict) -> dict:
    new = _over(OLD, given)
    refuse_moved(OLD, new, given, frozenset({"url", "secret"}))
    return new


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"Authorization": MASK}, {"Authorization": None, "authorization": MASK},
        {"Authorization": "mine", "AUTHORIZATION": MASK},
    ],
)  # fmt: skip
def test_a_header_stays_where_it_was(headers):
    with pytest.raises(UsageError, match="not yours: headers"):
        change({"url": "https://b.example/x", "headers": headers})


@pytest.mark.parametrize("url", ["http://a.example/x", "http://[a", "https://a:1/x"])
def test_another_place_is_another_place(url):
    with pytest.raises(UsageError, match="not yours"):
        change({"url": url})


def test_what_is_given_again_or_taken_away_may_go_anywhere():
    given = {"url": "https://b.example/x", "headers": {"Authorization": "s3"}}
    assert change(given)["headers"]["Authorization"] == "s3"
    gone = change(given | {"headers": {"Authorization": None}})
    assert gone["headers"] == {"Team": "a"}


def test_at_the_same_place_all_stays():
    assert change({"url": "https://a.example/y"})["headers"] == OLD["headers"]
