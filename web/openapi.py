"""Pieces of the OpenAPI document that routes which read their body themselves need to say."""

from typing import Any

from pydantic import BaseModel


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
