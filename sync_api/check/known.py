"""Values that the server can tell by their hash, because it has them: what is there, and what is declared.

What it cannot tell stays hidden, and is then certain to be none of these.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sync_api import canonical
from sync_api.engine.entity_types import EntityType
from sync_api.engine.hidden import Hidden, NeedsContent
from sync_api.engine.membership import PROJECT
from sync_api.engine.values import Json

NOWHERE = "\0"  # a project that nobody can be a member of: no name holds this character
_EVERYWHERE: list[Json] = [None, True, False, "", [], {}, 0]
_PLAIN = {canonical.sha256(value): value for value in _EVERYWHERE}


@dataclass(slots=True)
class Known:
    """projects: those that the sender is a member of."""

    projects: Iterable[str] = ()
    _tables: dict[tuple[str, str], dict[str, Json]] = field(default_factory=dict)

    def value(self, kind: EntityType, name: str, hidden: Hidden, current: Json) -> Json:
        """What is behind the hash, or the hidden value as it came. current: what the record holds there."""
        table = self._tables.get((kind.name, name))
        if table is None:
            table = self._tables[kind.name, name] = self._table(kind, name)
        found: Json = table.get(str(hidden.sha256), hidden)
        if found is hidden and current is not None and is_same(hidden, current):
            found = current
        if found is hidden and name == PROJECT:
            return NOWHERE
        return as_written(found, hidden, kind)

    def _table(self, kind: EntityType, name: str) -> dict[str, Json]:
        words: list[str] = []
        if declared := kind.fields.get(name):
            words += declared.order
        if name == kind.status_field:
            words += [*kind.transitions, *kind.guards]
        if name == kind.escalation_field:
            words += kind.escalation_order
        if name == PROJECT:
            words += self.projects
        return _PLAIN | {_sha256(word): word for word in words}


def is_same(hidden: Hidden, value: Json) -> bool:
    """Whether that is certain."""
    try:
        return bool(hidden == value)
    except NeedsContent:
        return False


def as_written(found: Json, hidden: Hidden, kind: EntityType) -> Json:
    """A number as the client wrote it: 1 and 1.0 hash to the same, and not every field takes both."""
    if type(found) not in (int, float) or found != int(found):
        return found
    match hidden.kind:
        case "integer":
            return int(found)
        case "number":
            return float(found)
        case _:
            declared = kind.fields.get(hidden.origin.field)
            return hidden if declared is not None and declared.type == "integer" else found


@lru_cache(maxsize=10_000)
def _sha256(word: Any) -> str:
    return canonical.sha256(word)
