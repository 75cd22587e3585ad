"""An entity type as JSON Schema says what a push takes: no more, no less."""

from datetime import datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from sync_api.engine.declarations import parse
from sync_api.engine.entity_types import MOMENT, EntityType
from sync_api.engine.json_schema import json_schema
from sync_api.rules import shipped
from tests.sync_api.running import Tenant, change

TYPES = ["any", "string", "integer", "number", "boolean", "datetime", "list", "object"]
MOMENTS = [
    "2026-01-01", "2026-01-01T10:00:00Z", "2026-01-01 10:00", "2026-01-01T10:00:00.123456789+05:30", "2024-02-29",
    "2000-02-29", "2026-01-01T23:59:59-23:59", "0001-01-01",
]  # fmt: skip
NO_MOMENTS = [
    "", "today", "2026-13-01", "2026-02-29", "1900-02-29", "2026-04-31", "2026-01-01T24:00:00Z", "0000-01-01",
    "2026-01-01T10", "20260101", "2026-W01-1", "2026-01-01T10:00:60Z", "2026-01-01T10:00:00+0000", "٢٠٢٦-01-01",
]  # fmt: skip
BOAT = {
    "description": "What floats.",
    "strict": True,
    "fields": {
        "name": {"type": "string", "required": True, "description": "On its bow."},
        "state": {"type": "string", "required": True},
        "length": {"type": "number", "rule": "max"},
        "crew": "integer",
        "built_at": "datetime",
        "is_afloat": {"type": "boolean", "rule": "true_wins", "safety": True},
        "ports": {"type": "list", "rule": "set_merge"},
        "papers": "object",
        "else": {"type": "any", "required": True},
        "stage": {"type": "string", "rule": "monotonic", "order": ["a", "b"]},
        "mother_id": {"type": "string", "references": "boat"},
    },
    "status": {"field": "state", "transitions": {"moored": ["sailing"], "sailing": ["moored"]}},
}

# what is whole is written without a fraction: JSON Schema cannot tell 1.0 from 1
_numbers = st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False).filter(
    lambda number: not number.is_integer()
)
_texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=5)
_plain = st.none() | st.booleans() | _numbers | _texts | st.sampled_from([*MOMENTS, *NO_MOMENTS, "a", "b"])
_values = _plain | st.lists(_plain, max_size=2) | st.dictionaries(_texts, _plain, max_size=2)
_names = st.sampled_from(["a", "b", "c", "d", "state"])
_declarations = st.fixed_dictionaries(
    {
        "strict": st.booleans(),
        "fields": st.dictionaries(
            _names,
            st.fixed_dictionaries({"type": st.sampled_from(TYPES), "required": st.booleans()}),
            max_size=4,
        ),
    },
    optional={"status": st.just({"field": "state", "transitions": {"a": ["b"], "b": []}})},
)


def schema(kind: EntityType) -> dict[str, Any]:
    return json_schema(kind, kind.policy)


def is_valid(kind: EntityType, data: Any) -> bool:
    return bool(Draft202012Validator(schema(kind)).is_valid(data))


@settings(max_examples=400, deadline=None)
@given(_declarations, st.lists(st.dictionaries(_names, _values, max_size=4), min_size=1, max_size=5))
def test_what_validates_is_what_is_taken(declaration: dict[str, Any], several: list[dict[str, Any]]) -> None:
    kind = parse("boat", declaration)
    Draft202012Validator.check_schema(schema(kind))
    for data in several:
        assert is_valid(kind, data) == (kind.complaint(data, is_new=True) is None), data


@settings(max_examples=300, deadline=None)
@given(st.from_regex(MOMENT, fullmatch=True))
def test_every_moment_is_one_to_the_standard_library(moment: str) -> None:
    datetime.fromisoformat(moment.removesuffix("\n"))


def test_moments_and_what_only_looks_like_one() -> None:
    kind = parse("boat", {"fields": {"at": "datetime"}})
    for moments, is_one in ((MOMENTS, True), (NO_MOMENTS, False)):
        for moment in moments:
            assert (is_valid(kind, {"at": moment}), kind.complaint({"at": moment}, is_new=True) is None) == (
                is_one, is_one,
            ), moment  # fmt: skip


def test_the_schema_says_what_is_declared() -> None:
    told = schema(parse("boat", BOAT))
    assert (told["title"], told["description"], told["additionalProperties"]) == ("boat", "What floats.", False)
    assert told["required"] == ["else", "name", "state"]
    fields = told["properties"]
    assert fields["state"]["enum"] == ["moored", "sailing"]
    assert fields["name"]["description"] == "On its bow."
    assert fields["crew"]["type"] == ["integer", "null"]
    rules = {name: field["x-merge-rule"] for name, field in fields.items() if "x-merge-rule" in field}
    assert rules == {"length": "max", "is_afloat": "true_wins", "ports": "set_merge", "stage": "monotonic"}
    assert (fields["stage"]["x-order"], fields["mother_id"]["x-references"]) == (["a", "b"], "boat")
    assert fields["is_afloat"]["x-safety"] is True


@pytest.mark.parametrize("name", sorted(shipped()))
def test_the_shipped_types_are_described(name: str) -> None:
    kind = shipped()[name]
    Draft202012Validator.check_schema(schema(kind))
    assert schema(kind)["description"]
    assert is_valid(kind, {})
    if kind.transitions:
        assert schema(kind)["properties"]["status"]["enum"] == [*kind.transitions, None]


async def test_the_server_tells_the_schema_and_keeps_to_it(tenant: Tenant) -> None:
    """Over HTTP: a push of what does not validate is a `validation_error`, change by change, and nothing else is."""
    put = await tenant.http.put("/api/v1/entity-types/boat", headers=tenant.headers(), json=BOAT)
    assert put.status_code == 200, put.text
    await tenant.policy("client_wins", "permit", field_rules={"notes": "manual"})
    listed = await tenant.http.get("/api/v1/entity-types", headers=tenant.headers())
    told = {kind["name"]: kind["json_schema"] for kind in listed.json()["entity_types"]}
    assert told["boat"] == put.json()["json_schema"]
    assert told["permit"]["properties"]["notes"]["x-merge-rule"] == "manual"
    assert told["permit"]["x-policy"] == "client_wins"
    choice, sent = Random(5), []
    for entity in choice.choices(["boat", "permit", "gas_reading", "task"], [4, 1, 1, 1], k=400):
        data = {name: _some(choice, field) for name, field in told[entity]["properties"].items()}
        for name in choice.sample(sorted(data), choice.randint(0, 1)):
            del data[name]
        if choice.random() < 0.1:
            data["undeclared"] = 1
        sent.append(change("create", entity, data=data))
    answer = await tenant.device("ann").push(*sent)
    refused = {item["offline_id"] for item in answer["rejected"] if item["reason"] == "validation_error"}
    valid = {one["offline_id"]: Draft202012Validator(told[one["entity"]]).is_valid(one["data"]) for one in sent}
    assert min(sum(valid.values()), len(refused)) > 50
    assert {name for name, is_one in valid.items() if not is_one} == refused


def _some(choice: Random, field: dict[str, Any]) -> Any:
    """A value of the field, or, once in a while, of no field of its type."""
    if choice.random() < 0.05:
        return choice.choice([None, True, 7, 1.5, "word", "2026-02-30", [1], {"a": 1}])
    if "enum" in field:
        return choice.choice(field["enum"])
    kinds = field.get("type", "string")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "string":
        return choice.choice(MOMENTS) if "[0-9]" in field.get("pattern", "") else choice.choice(["x", "", "long" * 9])
    return {"integer": 3, "number": 2.5, "boolean": True, "array": ["p"], "object": {"a": None}}[kind]
