"""Entity types as they are declared: fields, rules, transitions, default policy. Declared in data, never coded.

Parsing and checking a declaration belongs here; where declarations are kept does not.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sync_api.engine.values import Json

RULES = ("set_merge", "true_wins", "monotonic", "max", "min", "last_write_wins", "manual")
STRATEGIES = (
    "client_wins", "server_wins", "most_recent_wins", "preserve_escalation", "field_merge", "append_only", "manual",
)  # fmt: skip
MODES = ("enforce", "shadow")
TYPES = ("any", "string", "integer", "number", "boolean", "datetime", "list", "object")
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


class DeclarationError(ValueError):
    """A declaration that cannot be meant; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Field:
    """A declared field. order: for `monotonic`, from first to last. safety: a collision on it is critical."""

    type: str = "any"
    rule: str | None = None
    order: tuple[str, ...] = ()
    safety: bool = False
    required: bool = False


@dataclass(frozen=True, slots=True)
class Guard:
    """What a status needs: every record that `field` names (ids of `entity`) is there, in one of `statuses` if any."""

    field: str
    entity: str
    statuses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """How collisions are settled. version: None for a shipped default."""

    strategy: str
    field_rules: Mapping[str, str] = field(default_factory=dict)
    auto_resolve: bool = True
    mode: str = "enforce"
    version: int | None = None


@dataclass(frozen=True, slots=True)
class EntityType:
    """A declared entity type. escalation: a field and its values from least to most escalated; a record counts as
    escalated from `escalated_from` on."""

    name: str
    policy: Policy
    fields: Mapping[str, Field] = field(default_factory=dict)
    strict: bool = False
    project_field: str | None = None
    status_field: str | None = None
    transitions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    guards: Mapping[str, tuple[Guard, ...]] = field(default_factory=dict)
    escalation_field: str | None = None
    escalation_order: tuple[str, ...] = ()
    escalated_from: str | None = None

    def is_critical(self, name: str) -> bool:
        declared = self.fields.get(name)
        return name == self.status_field or (declared is not None and declared.safety)

    def is_escalated(self, data: Mapping[str, Json]) -> bool:
        if self.escalation_field is None or self.escalated_from is None:
            return False
        value = data.get(self.escalation_field)
        order = self.escalation_order
        return value in order and order.index(value) >= order.index(self.escalated_from)

    def complaint(self, data: Mapping[str, Json], *, is_new: bool) -> Mapping[str, str] | None:
        """What is wrong with these values as {field: what was expected}, or None."""
        wrong: dict[str, str] = {}
        for name, value in data.items():
            declared = self.fields.get(name)
            if declared is None:
                if self.strict:
                    wrong[name] = "not a field of this type"
            elif not _is_of(declared.type, value):
                wrong[name] = declared.type
        if is_new:
            for name, declared in self.fields.items():
                if declared.required and data.get(name) is None:
                    wrong[name] = "required"
        return wrong or None

    def forbids(self, before: Json, after: Json) -> tuple[str, ...] | None:
        """The statuses allowed from `before` when `after` is not one of them; None when the step is fine."""
        if not self.transitions or before is None or before == after:
            return None
        allowed = self.transitions.get(str(before), ())
        return None if after in allowed else allowed


def _is_of(kind: str, value: Json) -> bool:
    if kind == "any" or value is None:
        return True
    if kind == "string":
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in ("integer", "number"):
        wanted = int if kind == "integer" else (int, float)
        return isinstance(value, wanted) and not isinstance(value, bool)
    if kind == "datetime":
        return isinstance(value, str) and _is_moment(value)
    return isinstance(value, list if kind == "list" else dict)


def _is_moment(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def parse(name: str, declaration: Mapping[str, Any]) -> EntityType:
    """The type that a declaration describes. DeclarationError says what is wrong with it."""
    if not NAME.fullmatch(name):
        raise DeclarationError(f"{name!r} is not a name for an entity type: lower case, digits, underscore")
    known = {"fields", "policy", "strict", "project_field", "status", "escalation", "description"}
    _only(declaration, known, name)
    fields = {key: _field(f"{name}.fields.{key}", value) for key, value in declaration.get("fields", {}).items()}
    status = declaration.get("status", {})
    _only(status, {"field", "transitions", "guards"}, f"{name}.status")
    escalation = declaration.get("escalation", {})
    _only(escalation, {"field", "order", "from"}, f"{name}.escalation")
    order = tuple(escalation.get("order", ()))
    start = escalation.get("from")
    if start is not None and start not in order:
        raise DeclarationError(f"{name}.escalation.from: {start!r} is not in the order")
    return EntityType(
        name=name,
        policy=_policy(name, declaration.get("policy", "most_recent_wins")),
        fields=fields,
        strict=bool(declaration.get("strict", False)),
        project_field=declaration.get("project_field"),
        status_field=status.get("field"),
        transitions=_transitions(name, status.get("transitions", {})),
        guards={to: tuple(_guard(f"{name}.status.guards.{to}", g) for g in all_of)
                for to, all_of in status.get("guards", {}).items()},
        escalation_field=escalation.get("field"),
        escalation_order=order,
        escalated_from=start,
    )  # fmt: skip


def _field(where: str, declaration: Any) -> Field:
    if isinstance(declaration, str):
        declaration = {"type": declaration}
    if not isinstance(declaration, dict):
        raise DeclarationError(f"{where}: a type name or an object")
    _only(declaration, {"type", "rule", "order", "safety", "required", "description"}, where)
    found = Field(
        type=declaration.get("type", "any"),
        rule=declaration.get("rule"),
        order=tuple(declaration.get("order", ())),
        safety=bool(declaration.get("safety", False)),
        required=bool(declaration.get("required", False)),
    )
    _one_of(found.type, TYPES, f"{where}.type")
    if found.rule is not None:
        _one_of(found.rule, RULES, f"{where}.rule")
    if found.rule == "monotonic" and not found.order:
        raise DeclarationError(f"{where}: monotonic needs an order")
    return found


def _policy(name: str, strategy: Any) -> Policy:
    _one_of(strategy, STRATEGIES, f"{name}.policy")
    return Policy(strategy=strategy)


def _transitions(name: str, declared: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(declared, dict) or not all(isinstance(to, list) for to in declared.values()):
        raise DeclarationError(f"{name}.status.transitions: status → list of statuses")
    if unknown := {after for to in declared.values() for after in to} - set(declared):
        raise DeclarationError(f"{name}.status.transitions: no entry for {', '.join(sorted(unknown))}")
    return {before: tuple(after) for before, after in declared.items()}


def _guard(where: str, declared: Mapping[str, Any]) -> Guard:
    _only(declared, {"field", "entity", "statuses"}, where)
    if not isinstance(declared.get("field"), str) or not isinstance(declared.get("entity"), str):
        raise DeclarationError(f"{where}: needs a field and an entity")
    return Guard(declared["field"], declared["entity"], tuple(declared.get("statuses", ())))


def _only(declaration: Any, known: set[str], where: str) -> None:
    if not isinstance(declaration, dict):
        raise DeclarationError(f"{where}: an object")
    if unknown := set(declaration) - known:
        raise DeclarationError(f"{where}: unknown {', '.join(sorted(map(str, unknown)))}")


def _one_of(value: Any, allowed: tuple[str, ...], where: str) -> None:
    if value not in allowed:
        raise DeclarationError(f"{where}: {value!r} is none of {', '.join(allowed)}")
