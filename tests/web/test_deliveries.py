"""GET /api/v1/deliveries: a viewer sees who was told, not what a server answered."""

import pytest
from msgspec.structs import replace

from pangea.web.api_deliveries import DELIVERIES
from pangea.web.schema import Page
from pangea.web.schema_alerts import AttemptAnswer, DeliveryDetail
from tests.web.site import member

SAID = "403: the body of something within"
ONE = DeliveryDetail(
    id="d1",
    at="2026-01-01T00:00:00Z",
    state="dead",
    kind="down",
    severity="critical",
    title="shop",
    reason="refused",
    step="first",
    rule="default",
    channel="ops",
    incident="1",
    job="shop",
    message="m1",
    tries=1,
    sent_at=None,
    next_try_at=None,
    answer=SAID,
    drill=False,
    attempts=[AttemptAnswer(at="", took_ms=1.0, outcome="refused", answer=SAID)],
    facts={},
)


class Deliveries:
    async def deliveries(self, org, asked):
        return Page(items=[replace(ONE, attempts=[])], next="more")

    async def delivery(self, org, id_):
        return ONE


@pytest.mark.parametrize(
    ("by", "answer"), [("token", SAID), ("operator", SAID), ("viewer", "")]
)
async def test_an_answer_is_for_who_may_send(site, by, answer):
    site.running.runner.app._frozen = False
    site.running.runner.app[DELIVERIES] = Deliveries()
    member(site.accounts, site.wall, "operator", 103)
    for path in ("", "/d1"):
        url, headers = f"/api/v1/deliveries{path}", site.headers(by)
        async with site.http.get(url, headers=headers) as said:
            found = await said.json()
            assert ("the body of something" in await said.text()) is bool(answer)
        one = found if path else found["items"][0]
        assert (one["channel"], one["state"]) == ("ops", "dead")
        assert one["answer"] == answer
