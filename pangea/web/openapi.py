"""The OpenAPI 3.1 document, made from the route table."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, get_args, get_origin

import msgspec

from pangea import __version__
from pangea.core.durations import Seconds

from .errors import Problem
from .route import Route

_REF = "#/components/schemas/{name}"
PROBLEM = "application/problem+json"


def make_document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the document of all *routes* that are for programs, not to be changed."""
    return _document(tuple(routes))


@cache
def _document(routes: tuple[Route, ...]) -> dict[str, Any]:
    table = [route for route in routes if not route.page and route.path != "/mesh"]
    shapes = _shapes(table)
    schemas, parts = msgspec.json.schema_components(
        shapes, schema_hook=_schema_of, ref_template=_REF
    )
    by_shape = dict(zip(shapes, schemas, strict=True))
    paths: dict[str, Any] = {}
    for route in table:
        operation = _operation(route, by_shape, parts)
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    queries = {route.query.__name__ for route in table if route.query}
    kept = {name: part for name, part in parts.items() if name not in queries}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pangea",
            "version": __version__,
            "description": "Times are RFC 3339 UTC; durations carry their unit.",
            "license": {"name": "BSD-3-Clause", "identifier": "BSD-3-Clause"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": kept, "securitySchemes": _SECURITY},
    }


_SECURITY = {
    "token": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "cookie", "name": "pangea"},
}


def _shapes(table: Iterable[Route]) -> list[Any]:
    """Return every struct that a route names, each once."""
    named = [s for r in table for s in (r.query, r.body, _item(r.answer)) if s]
    return list(dict.fromkeys([*named, Problem]))


def _item(answer: Any) -> Any:
    return get_args(answer)[0] if get_origin(answer) is list else answer


def _schema_of(kind: type) -> dict[str, Any]:
    if kind is Seconds:
        return {"type": "string", "examples": ["30s", "1h30m", "1d"]}
    raise TypeError(f"no schema for {kind}")


def _operation(
    route: Route, by_shape: dict[Any, Any], parts: dict[str, Any]
) -> dict[str, Any]:
    problem = {"content": {PROBLEM: {"schema": by_shape[Problem]}}}
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "parameters": [*_in_path(route), *_in_query(route, parts)],
        "responses": {
            str(route.status): _answer(route, by_shape),
            "default": {"description": "What went wrong, and what to do", **problem},
        },
        "security": [{"token": []}, {"session": []}] if route.auth != "none" else [],
        "x-role": route.auth,
    }
    if route.body is not None:
        content = {"application/json": {"schema": by_shape[route.body]}}
        operation["requestBody"] = {"content": content, "required": False}
        if _must_be_given(parts[route.body.__name__]):
            operation["requestBody"]["required"] = True
    return operation


def _must_be_given(schema: dict[str, Any]) -> bool:
    return bool(schema.get("required"))


def _operation_id(route: Route) -> str:
    words = re.sub(r"[{}]", "", route.path.removeprefix("/api/v1"))
    return re.sub(r"\W+", "_", f"{route.method.lower()}{words}").strip("_")


def _in_path(route: Route) -> list[dict[str, Any]]:
    schema = {"type": "string", "pattern": "^[a-z0-9._-]{1,63}$"}
    return [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name in re.findall(r"{(\w+)}", route.path)
    ]


def _in_query(route: Route, parts: dict[str, Any]) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    shape = parts[route.query.__name__]
    required = shape.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": _plain(schema),
            # "a,b" is how a list is written here.
            **({"style": "form", "explode": False} if _is_list(schema) else {}),
        }
        for name, schema in shape["properties"].items()
    ]


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Leave null away: in a query a thing is given, or it is not."""
    choices = [c for c in schema.get("anyOf", []) if c.get("type") != "null"]
    rest = {k: v for k, v in schema.items() if k not in ("anyOf", "default")}
    if schema.get("default") is not None and "examples" not in schema:
        rest["default"] = schema["default"]
    return {**rest, **choices[0]} if choices else rest


def _is_list(schema: dict[str, Any]) -> bool:
    return _plain(schema).get("type") == "array"


def _answer(route: Route, by_shape: dict[Any, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": route.summary}
    if get_origin(route.answer) is list:
        schema = _page_of(by_shape[_item(route.answer)])
    elif route.answer is not None:
        schema = by_shape[route.answer]
    else:
        return answer
    return {**answer, "content": {route.media: {"schema": schema}}}


def _page_of(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": item},
            "next": {"type": ["string", "null"]},
        },
        "required": ["items", "next"],
    }
