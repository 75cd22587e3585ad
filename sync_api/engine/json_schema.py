"""An entity type as JSON Schema (draft 2020-12), for clients that check a form before they queue it.

It describes the `data` of a new record; a later change may leave fields out, required ones too. What it allows, a push
does not reject as `validation_error`, and the other way round, but for what a schema cannot say: that 1.0 is no
`integer` here, and that no value may hold what cannot be stored (a lone surrogate, a depth beyond 20).
"""

from typing import Any

from sync_api.engine.entity_types import MOMENT, EntityType, Field, Policy
from sync_api.engine.resolve import rule_of
from sync_api.engine.values import LARGEST_INTEGER, MAX_FIELDS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAMES = {"pattern": "^[^_]", "maxLength": 200}

Schema = dict[str, Any]
_TYPES: dict[str, Schema] = {
    "any": {},
    "string": {"type": "string", "pattern": "^[^\\u0000]*$"},
    "integer": {"type": "integer", "minimum": -LARGEST_INTEGER, "maximum": LARGEST_INTEGER},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "datetime": {"type": "string", "pattern": MOMENT, "description": "ISO 8601: a date, with or without a time."},
    "list": {"type": "array"},
    "object": {"type": "object"},
}


def json_schema(kind: EntityType, policy: Policy) -> Schema:
    """The schema of the type. policy: the one that holds for it, whose field rules stand above the type's own."""
    fields = dict(kind.fields)
    if kind.status_field is not None and not kind.strict:
        fields.setdefault(kind.status_field, Field())
    schema: Schema = {
        "$schema": DIALECT,
        "title": kind.name,
        "type": "object",
        "properties": {name: _property(name, declared, kind, policy) for name, declared in fields.items()},
        "additionalProperties": not kind.strict,
        "propertyNames": NAMES,
        "maxProperties": MAX_FIELDS,
        "x-policy": policy.strategy,
    }
    if kind.description:
        schema["description"] = kind.description
    if required := sorted(name for name, declared in fields.items() if declared.required):
        schema["required"] = required
    return schema


def _property(name: str, declared: Field, kind: EntityType, policy: Policy) -> Schema:
    schema = dict(_TYPES[declared.type])
    if declared.required:
        schema |= {} if "type" in schema else {"not": {"type": "null"}}
    elif "type" in schema:
        schema["type"] = [schema["type"], "null"]
    if name == kind.status_field and kind.transitions:
        schema["enum"] = [*kind.transitions, *([] if declared.required else [None])]
    if declared.description:
        schema["description"] = declared.description
    extra = {
        "x-merge-rule": rule_of(name, kind, policy),
        "x-order": list(declared.order),
        "x-references": kind.references.get(name),
        "x-safety": declared.safety,
    }
    return schema | {key: value for key, value in extra.items() if value}
