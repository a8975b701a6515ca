"""Whatever is asked of the API, the answer is one that the document promises."""

from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pangea.web.openapi import make_document
from pangea.web.routes import API, ROUTES

DOCUMENT = make_document(ROUTES)
FUZZED = [r for r in API if not r.page and r.path not in ("/mesh", "/api/v1/events")]

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3)
    ),
    max_leaves=8,
)
name = st.sampled_from(["shop", "london", "gateway"]) | text.map(lambda t: t or "x")


def names_of(shape):
    fields = shape.__struct_fields__ if shape else ()
    return st.sampled_from([*fields, "unknown"]) | text


@pytest.mark.parametrize(
    "route", [pytest.param(r, id=f"{r.method} {r.path}") for r in FUZZED]
)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
async def test_nothing_that_is_asked_breaks_the_site(site, route, data):
    path = route.path.replace("{name}", quote(data.draw(name), safe=""))
    query = data.draw(st.dictionaries(names_of(route.query), text, max_size=3))
    body = data.draw(st.dictionaries(names_of(route.body), value, max_size=4) | value)
    more = {"json": body} if route.body else {}
    answer = await site.ask(route.method, path, by="token", params=query, **more)
    assert answer.status < 500, answer.text
    if answer.status >= 400:
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert answer.json["status"] == answer.status
    else:
        operation = DOCUMENT["paths"][route.path][route.method.lower()]
        assert str(answer.status) in operation["responses"]
