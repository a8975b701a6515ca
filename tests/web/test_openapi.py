import re

from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from pangea.web.openapi import make_document
from pangea.web.route import Route
from pangea.web.routes import API, ROUTES


def test_the_document_is_valid_openapi():
    validate(make_document(ROUTES), cls=OpenAPIV31SpecValidator)


async def test_the_document_is_served_and_shown(site):
    served = await site.get("/api/v1/openapi.json")
    assert served.json["paths"] == make_document(ROUTES)["paths"]
    page = await site.get("/api/docs", headers={"Accept": "text/html"})
    assert page.status == 200
    for path in served.json["paths"]:
        assert path in page.text


async def test_every_route_of_the_site_is_in_the_table(site):
    app = site.running.runner.app
    registered = {(r.method, r.resource.canonical) for r in app.router.routes()}
    assert registered == {(m, route.path) for route in ROUTES for m in route.methods}


async def test_where_get_is_head_is_too(site):
    for path in ("/healthz", "/readyz", "/login", "/api/v1/jobs", "/favicon.ico"):
        whole, head = await site.get(path), await site.ask("HEAD", path)
        assert head.status == whole.status
        assert head.text == ""
    for path in ("/live", "/api/v1/events", "/metrics"):
        assert (await site.ask("HEAD", path, by="token")).status == 405


def test_every_route_for_programs_is_in_the_document():
    paths = make_document(ROUTES)["paths"]
    documented = {(m.upper(), path) for path, ms in paths.items() for m in ms}
    expected = {(r.method, r.path) for r in API if not r.page and r.path != "/mesh"}
    assert documented == expected
    assert ("GET", "/api/v1/jobs/{name}/history") in documented


def test_the_document_says_who_may_and_what_is_taken():
    document = make_document(ROUTES)
    add = document["paths"]["/api/v1/jobs"]["post"]
    assert add["x-role"] == "admin"
    assert add["security"] == [{"token": []}, {"session": []}]
    assert add["requestBody"]["required"] is True
    assert "201" in add["responses"]
    history = document["paths"]["/api/v1/jobs/{name}/history"]["get"]
    names = [parameter["name"] for parameter in history["parameters"]]
    assert names == ["name", "range", "points", "worker", "since", "until"]
    spec = document["components"]["schemas"]["JobSpec"]
    assert spec["required"] == ["type", "target"]
    assert document["paths"]["/healthz"]["get"]["security"] == []


def test_operations_have_names_of_their_own():
    operations = [
        operation["operationId"]
        for methods in make_document(ROUTES)["paths"].values()
        for operation in methods.values()
    ]
    assert len(operations) == len(set(operations))
    assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in operations)


def test_a_route_with_only_a_path_is_enough():
    async def handler(request):
        raise AssertionError

    lone = Route(method="GET", path="/x/{name}", handler=handler, summary="X")
    validate(make_document([lone]), cls=OpenAPIV31SpecValidator)
