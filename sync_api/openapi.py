"""Pieces of the OpenAPI document that routes which decode by hand need to say."""

from typing import Any

from pydantic import BaseModel

from sync_api.push.documented import ProblemDoc

Responses = dict[int | str, dict[str, Any]]


def problems(which: dict[int, str], model: type[ProblemDoc] = ProblemDoc) -> Responses:
    """`responses` for the problems that a route can meet: status → when."""
    return {
        status: {"model": model, "description": when, "content": {"application/problem+json": {}}}
        for status, when in which.items()
    }


PROBLEMS = problems(
    {
        400: "The body is not JSON, or its compression is corrupt.",
        401: "No valid token. The queue stays as it is.",
        403: "The token, the tenant, the device or the project does not allow this.",
        413: "The inflated body is too large.",
        415: "An unknown content encoding.",
        422: "The envelope is not valid.",
        503: "Away or busy. Try again; the queue stays as it is.",
    }
)


def body(model: type[BaseModel]) -> dict[str, Any]:
    """`openapi_extra` for a route that reads its body itself."""
    schema = model.model_json_schema()
    inlined = _inlined(schema, schema.get("$defs", {}))
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": inlined}}}}


def _inlined(part: Any, definitions: dict[str, Any]) -> Any:
    """The schema without references: inside a path they would point nowhere."""
    if isinstance(part, list):
        return [_inlined(one, definitions) for one in part]
    if not isinstance(part, dict):
        return part
    if reference := part.get("$ref"):
        return _inlined(definitions[reference.rsplit("/", 1)[1]], definitions)
    return {key: _inlined(value, definitions) for key, value in part.items() if key not in ("$defs", "discriminator")}
