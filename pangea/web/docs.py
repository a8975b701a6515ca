"""The document of the API: as JSON for programs, as a page for people."""

from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from .render import render
from .text import t

#: What a schema may simply be, with a word of its own.
PLAIN = ("string", "boolean", "none")
DOCUMENT: web.AppKey[dict[str, Any]] = web.AppKey("document")


class FieldView(Struct, frozen=True):
    """A parameter or a field: its name, what it may be, and whether it must be."""

    name: str
    kind: str
    required: bool


class OperationView(Struct, frozen=True):
    """A method and path with what it takes and gives."""

    method: str
    path: str
    summary: str
    role: str
    query: list[FieldView]
    body: list[FieldView]
    answer: str


class ShapeView(Struct, frozen=True):
    """A struct of the document; ``anchor`` is where links lead."""

    name: str
    text: str
    fields: list[FieldView]


class DocsView(Struct, frozen=True):
    """The whole page."""

    title: str
    operations: list[OperationView]
    shapes: list[ShapeView]


async def document(request: web.Request) -> web.StreamResponse:
    """GET /api/v1/openapi.json"""
    body = msgspec.json.encode(request.app[DOCUMENT])
    return web.Response(body=body, content_type="application/json")


async def docs(request: web.Request) -> web.StreamResponse:
    """GET /api/docs"""
    return render(request, "docs.html", docs_view(request.app[DOCUMENT]))


def docs_view(document: dict[str, Any]) -> DocsView:
    """Return the page of an OpenAPI document."""
    shapes = document["components"]["schemas"]
    return DocsView(
        title=t("docs.title"),
        operations=[
            _operation(method, path, operation, shapes)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        ],
        shapes=[
            ShapeView(name, shape.get("description", ""), _fields(shape))
            for name, shape in sorted(shapes.items())
        ],
    )


def _operation(
    method: str, path: str, operation: dict[str, Any], shapes: dict[str, Any]
) -> OperationView:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    shape = shapes[_name(body["schema"])] if body else {}
    answers = [a for code, a in operation["responses"].items() if code != "default"]
    given = answers[0].get("content", {}).get("application/json", {}).get("schema", {})
    return OperationView(
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        role=operation["x-role"],
        query=[
            FieldView(p["name"], kind(p["schema"]), p["required"])
            for p in operation["parameters"]
            if p["in"] == "query"
        ],
        body=_fields(shape),
        answer=kind(given) if given else "",
    )


def _fields(shape: dict[str, Any]) -> list[FieldView]:
    required = shape.get("required", [])
    return [
        FieldView(name, kind(schema), name in required)
        for name, schema in shape.get("properties", {}).items()
    ]


def _name(schema: dict[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def kind(schema: dict[str, Any]) -> str:
    """Return a schema in a few words: ``text or null``, ``list of JobAnswer``."""
    if "$ref" in schema:
        return _name(schema)
    if "anyOf" in schema:
        return t("docs.kind_or").join(kind(choice) for choice in schema["anyOf"])
    if "items" in schema.get("properties", {}):
        items = schema["properties"]["items"]["items"]
        return t("docs.kind_page", kind=kind(items))
    if schema.get("type") == "array" and isinstance(schema.get("items"), dict):
        return t("docs.kind_list", kind=kind(schema["items"]))
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties")
        if isinstance(inner, dict):
            return t("docs.kind_map", kind=kind(inner))
        return t("docs.kind_object")
    name = str(schema.get("type", "none"))
    return t(f"docs.kind_{name}") if name in PLAIN else name
