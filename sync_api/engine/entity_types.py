"""What a type of record is: its fields, rules, transitions, default policy. Declared in data, never coded.

Reading a declaration is the business of `declarations`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sync_api.engine.hidden import Hidden
from sync_api.engine.values import Json

# A day of the calendar in ISO 8601, with a time or without, in words that every dialect of patterns understands.
_LEAP = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_DATE = (
    "(?:(?!0000)[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    f"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP}-02-29)"
)
_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]+)?)?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?"
MOMENT = f"^{_DATE}(?:[T ]{_TIME})?$"
_moment = re.compile(MOMENT)


@dataclass(frozen=True, slots=True)
class Field:
    """A declared field. order: for `monotonic`, from first to last. safety: a collision on it is critical."""

    type: str = "any"
    rule: str | None = None
    order: tuple[str, ...] = ()
    safety: bool = False
    required: bool = False
    description: str = ""


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
    escalated from `escalated_from` on. references: field → the type that its id, or the ids in its list, are of."""

    name: str
    policy: Policy
    fields: Mapping[str, Field] = field(default_factory=dict)
    strict: bool = False
    status_field: str | None = None
    transitions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    guards: Mapping[str, tuple[Guard, ...]] = field(default_factory=dict)
    escalation_field: str | None = None
    escalation_order: tuple[str, ...] = ()
    escalated_from: str | None = None
    references: Mapping[str, str] = field(default_factory=dict)
    description: str = ""

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
            if name == self.status_field and name not in wrong and not self._is_status(value):
                wrong[name] = f"one of {', '.join(self.transitions)}"
        if is_new:
            for name, declared in self.fields.items():
                if declared.required and data.get(name) is None:
                    wrong[name] = "required"
        return wrong or None

    def _is_status(self, value: Json) -> bool:
        return value is None or not self.transitions or any(value == status for status in self.transitions)

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


def _is_moment(value: Json) -> bool:
    if type(value) is Hidden:
        return value.is_moment()
    return _moment.fullmatch(value) is not None
