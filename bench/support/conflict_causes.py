"""Whom each conflict was with: the writes that a conflicted change collided with, when they were begun and received."""

from bisect import bisect_right
from collections import defaultdict
from typing import Any

import pandas as pd
from support.history_lake import Decided, announced

from foresync.replay.names import session
from foresync.replay.plan import PushStep
from foresync.replay.times import to_datetime

DELETED = "_deleted"


def causes(histories: list[Decided], shares: list[float]) -> pd.DataFrame:
    """A row for each write that a push collided with: tenant_id and sync_session_id of the push, received_at and
    began_at of the write, and from which share of announcing clients on its edit was announced (above 1: never)."""
    return pd.DataFrame([row for history in histories for row in _of(history, shares)])


def _of(history: Decided, shares: list[float]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    written: dict[int, list[tuple[int, frozenset[str], PushStep, int]]] = defaultdict(list)
    for step in history.steps:
        if not isinstance(step, PushStep):
            continue
        for edit, verdict in zip(step.push.edits, history.verdicts[step.index], strict=True):
            before = written[edit.entity_id]
            fields = frozenset(verdict.fields)
            if verdict.is_conflicted:
                later = before[bisect_right([version for version, *_ in before], verdict.base) :]
                hit = [one for one in later if DELETED in fields | one[1] or fields & one[1]]
                for _, _, other, began in hit or later:
                    rows.append(
                        {
                            "tenant_id": history.tenant,
                            "sync_session_id": session(step.push.push_id),
                            "received_at": to_datetime(other.push.synced_at),
                            "began_at": to_datetime(began),
                            "announced_from": _announced_from(history, other, edit.entity_id, shares),
                        }
                    )
            if verdict.version != verdict.server_version:
                before.append((verdict.version, fields, step, edit.edited_at))
    return rows


def _announced_from(history: Decided, step: PushStep, entity_id: int, shares: list[float]) -> float:
    if entity_id not in step.announced:
        return 2.0
    return next((share for share in sorted(shares) if announced(step, history.tenant, share)), 2.0)
