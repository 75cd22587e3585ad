"""Pieces of the OpenAPI document that routes which decode by hand need to say."""

from typing import Any

from pydantic import BaseModel

from sync_api.push.documented import ProblemDoc

PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "model": ProblemDoc,
        "description": what,
        "content": {"application/problem+json": {}},
    }
    for status, what in {
        400: "The body is not JSON, or its compression is corrupt.",
        401: "No valid token. The queue stays as it is.",
        403: "The token, the tenant or the device does not allow this.",
        413: "The inflated body is too large.",
        415: "An unknown content encoding.",
        422: "The envelope is not valid.",
        503: "Away or busy. Try again; the queue stays as it is.",
    }.items()
}


def body(model: type[BaseModel]) -> dict[str, Any]:
    """`openapi_extra` for a route that reads its body itself."""
    schema = model.model_json_schema(ref_template=f"#/components/schemas/{model.__name__}/$defs/{{model}}")
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
