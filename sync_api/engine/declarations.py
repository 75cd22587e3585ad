"""From a declaration (JSON, as a tenant writes it) to an entity type. Everything wrong with it is said by name."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Literal

import msgspec

from sync_api.engine.entity_types import EntityType, Field, Guard, Policy

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")

Type = Literal["any", "string", "integer", "number", "boolean", "datetime", "list", "object"]
Rule = Literal["set_merge", "true_wins", "monotonic", "max", "min", "last_write_wins", "manual"]
Strategy = Literal[
    "client_wins", "server_wins", "most_recent_wins", "preserve_escalation", "field_merge", "append_only", "manual"
]


class DeclarationError(ValueError):
    """A declaration that cannot be meant; the message says where and why."""


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A misspelt key is an error and not a wish."""


class FieldDeclaration(_Strict, frozen=True):
    type: Type = "any"
    rule: Rule | None = None
    order: list[str] = []
    safety: bool = False
    required: bool = False
    references: str | None = None
    description: str = ""


class GuardDeclaration(_Strict, frozen=True):
    field: str
    entity: str
    statuses: list[str] = []


class StatusDeclaration(_Strict, frozen=True):
    field: str
    transitions: dict[str, list[str]] = {}
    guards: dict[str, list[GuardDeclaration]] = {}


class EscalationDeclaration(_Strict, frozen=True, rename={"start": "from"}):
    field: str
    order: list[str]
    start: str | None = None


class Declaration(_Strict, frozen=True):
    """A whole entity type."""

    policy: Strategy = "most_recent_wins"
    description: str = ""
    strict: bool = False
    fields: dict[str, Type | FieldDeclaration] = {}
    status: StatusDeclaration | None = None
    escalation: EscalationDeclaration | None = None


def parse(name: str, declaration: Mapping[str, Any]) -> EntityType:
    """The type that a declaration describes. DeclarationError says what is wrong with it."""
    if not NAME.fullmatch(name):
        raise DeclarationError(f"{name!r} is not a name for an entity type: lower case, digits, underscore")
    try:
        declared = msgspec.convert(declaration, Declaration)
    except msgspec.ValidationError as error:
        raise DeclarationError(str(error)) from error
    status, escalation = declared.status, declared.escalation
    return EntityType(
        name=name,
        policy=Policy(declared.policy),
        fields={key: _field(key, value) for key, value in declared.fields.items()},
        strict=declared.strict,
        status_field=status.field if status else None,
        transitions=_transitions(status) if status else {},
        guards=_guards(status) if status else {},
        escalation_field=escalation.field if escalation else None,
        escalation_order=tuple(escalation.order) if escalation else (),
        escalated_from=_escalated_from(escalation) if escalation else None,
        references=_references(declared),
        description=declared.description,
    )


def check_known(kind: EntityType, names: Collection[str]) -> None:
    """DeclarationError where the type refers to one that is not among `names`."""
    for name, entity in kind.references.items():
        if entity not in names:
            raise DeclarationError(f"fields.{name}.references: there is no entity type {entity!r}")
    for status, guards in kind.guards.items():
        for guard in guards:
            if guard.entity not in names:
                raise DeclarationError(f"status.guards.{status}: there is no entity type {guard.entity!r}")


def _field(name: str, declared: str | FieldDeclaration) -> Field:
    if isinstance(declared, str):
        return Field(declared)
    if declared.rule == "monotonic" and not declared.order:
        raise DeclarationError(f"fields.{name}: monotonic needs an order")
    return Field(
        declared.type, declared.rule, tuple(declared.order), declared.safety, declared.required, declared.description
    )


def _references(declared: Declaration) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, one in declared.fields.items():
        if not isinstance(one, FieldDeclaration) or one.references is None:
            continue
        if one.type not in ("string", "list"):
            raise DeclarationError(f"fields.{name}.references: only a string or a list can name records")
        found[name] = one.references
    guards = declared.status.guards.values() if declared.status else ()
    for guard in (guard for wanted in guards for guard in wanted):
        if found.get(guard.field, guard.entity) != guard.entity:
            raise DeclarationError(
                f"fields.{guard.field}.references: {found[guard.field]!r}, but a guard finds {guard.entity!r} there"
            )
    return found


def _transitions(status: StatusDeclaration) -> dict[str, tuple[str, ...]]:
    known = set(status.transitions)
    if unknown := {after for allowed in status.transitions.values() for after in allowed} - known:
        raise DeclarationError(f"status.transitions: no entry for {', '.join(sorted(unknown))}")
    return {before: tuple(after) for before, after in status.transitions.items()}


def _guards(status: StatusDeclaration) -> dict[str, tuple[Guard, ...]]:
    return {
        to: tuple(Guard(guard.field, guard.entity, tuple(guard.statuses)) for guard in guards)
        for to, guards in status.guards.items()
    }


def _escalated_from(escalation: EscalationDeclaration) -> str | None:
    if escalation.start is not None and escalation.start not in escalation.order:
        raise DeclarationError(f"escalation.from: {escalation.start!r} is not in the order")
    return escalation.start
