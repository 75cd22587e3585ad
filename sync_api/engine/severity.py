"""How bad a collision is, for whoever has to look at it."""

from collections.abc import Mapping

from sync_api.engine.entity_types import EntityType
from sync_api.engine.values import DELETED, FieldConflict, Json, Record

LEVELS = ("low", "medium", "high", "critical")
MANY_FIELDS = 3


def severity(kind: EntityType, record: Record, change: Mapping[str, Json], fields: Mapping[str, FieldConflict]) -> str:
    """critical: a safety or status field, or a delete against an update. high: three fields or more, or an escalated
    record. low: every value was combined, so that nobody lost anything. medium: the rest."""
    if DELETED in fields or any(kind.is_critical(name) for name in fields):
        return "critical"
    if len(fields) >= MANY_FIELDS or kind.is_escalated(record.data) or kind.is_escalated(change):
        return "high"
    if all(conflict.winner == "merged" for conflict in fields.values()):
        return "low"
    return "medium"
