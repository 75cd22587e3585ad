"""What becomes of one change to one record: the way from detection through resolution to a verdict.

The order of questions is that of the protocol's documentation. Batches, chains and storage are the caller's.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sync_api.engine import detect, resolve
from sync_api.engine.entity_types import EntityType, Policy
from sync_api.engine.severity import severity
from sync_api.engine.values import DELETED, Change, Conflict, Decision, FieldConflict, Json, Outcome, Record

BaseOf = Callable[[str], Json]  # the value of a field at the version that the client had
MissingGuard = Callable[[str, Mapping[str, Json]], Mapping[str, Any] | None]


def no_guard(_status: str, _data: Mapping[str, Json]) -> None:
    """For types whose statuses need no other records."""
    return None


def decide(
    change: Change,
    record: Record,
    kind: EntityType,
    policy: Policy,
    *,
    start: int,
    base_of: BaseOf,
    missing_guard: MissingGuard = no_guard,
) -> Decision:
    """The verdict on a change.

    start: the record's version when this push first met it. Later versions are the push's own, so staleness is
    measured against `start`: a device never conflicts with its own chain.
    """
    if change.client_version is not None and change.client_version > record.version:
        return _rejected("resync_required", server_version=record.version)
    is_new = record.version == 0
    if change.op != "delete" and (wrong := kind.complaint(change.data, is_new=is_new)):
        return _rejected("validation_error", fields=dict(wrong))
    if kind.policy.strategy == "append_only":
        return _append(change, record)
    if change.op == "update_status" and kind.status_field not in change.data:
        return _rejected("validation_error", fields={kind.status_field or "status": "required"})
    decision = _create(change) if is_new else _existing(change, record, kind, policy, start, base_of)
    return _guarded(decision, record, kind, missing_guard)


def _append(change: Change, record: Record) -> Decision:
    if change.op not in ("create", "append"):
        return _rejected("not_permitted", because="append-only")
    if record.version == 0:
        return _create(change)
    if detect.differing(change, record):
        return _rejected("not_permitted", because="append-only")
    return Decision("unchanged")


def _create(change: Change) -> Decision:
    if change.op == "delete":  # what never was is already gone
        return Decision("unchanged")
    return Decision("applied", writes=change.data, touched=tuple(change.data))


def _existing(
    change: Change, record: Record, kind: EntityType, policy: Policy, start: int, base_of: BaseOf
) -> Decision:
    known, reason = change.client_version, "stale_version"
    if known is None:
        if start == 0:  # born earlier in this very push
            known = record.version
        else:
            known = 0
            reason = "stale_version" if change.op in ("create", "append") else "missing_client_version"
    is_stale = known < start
    if change.op == "delete":
        return _delete(change, record, kind, policy, known, reason, is_stale)
    if record.is_deleted:
        return _revive(change, record, kind, policy, known, is_stale)
    return _update(change, record, kind, policy, known, reason, is_stale, base_of)


def _update(
    change: Change,
    record: Record,
    kind: EntityType,
    policy: Policy,
    known: int,
    reason: str,
    is_stale: bool,
    base_of: BaseOf,
) -> Decision:
    candidates = detect.differing(change, record)
    if not candidates:
        return Decision("unchanged", is_stale=is_stale)
    colliding = detect.collisions(candidates, record, change, known) if is_stale else []
    window = _window([n for n in detect.near_misses(candidates, record, change) if n not in colliding], change, record)
    touched = tuple(candidates)
    if not colliding:
        outcome: Outcome = "merged" if is_stale else "applied"
        return Decision(outcome, writes=candidates, touched=touched, is_stale=is_stale, window=window)
    fields = {name: resolve.resolve(name, change, record, base_of(name), kind, policy) for name in colliding}
    conflict = _conflict(reason, fields, change, record, kind, policy)
    if conflict.is_open:
        return Decision("conflict", reason, touched=touched, is_stale=True, conflict=conflict)
    if conflict.is_shadow:
        writes = candidates
    else:
        writes = {n: v for n, v in candidates.items() if n not in fields}
        writes |= {n: f.value for n, f in fields.items() if f.winner != "server"}
    return Decision("merged", reason, writes=writes, touched=touched, is_stale=True, conflict=conflict, window=window)


def _delete(
    change: Change, record: Record, kind: EntityType, policy: Policy, known: int, reason: str, is_stale: bool
) -> Decision:
    if record.is_deleted:
        return Decision("unchanged", is_stale=is_stale)
    touched = (*record.data, DELETED)
    rivals = detect.written_since(record, change, known) if is_stale else []
    if not rivals:
        return Decision("merged" if is_stale else "applied", writes={DELETED: True}, touched=touched, is_stale=is_stale)
    fields = {DELETED: resolve.resolve_deletion(change, record, rivals, base=False, policy=policy)}
    return _deletion_settled({DELETED: True}, fields, reason, touched, change, record, kind, policy)


def _revive(change: Change, record: Record, kind: EntityType, policy: Policy, known: int, is_stale: bool) -> Decision:
    writes = {**change.data, DELETED: False}
    touched = tuple(writes)
    replaces = change.op in ("create", "append")
    if not (is_stale and detect.tombstone_collides(record, change, known)):
        outcome: Outcome = "merged" if is_stale else "applied"
        return Decision(outcome, writes=writes, touched=touched, replaces=replaces, is_stale=is_stale)
    fields = {DELETED: resolve.resolve_deletion(change, record, [DELETED], base=False, policy=policy)}
    return _deletion_settled(writes, fields, "deleted", touched, change, record, kind, policy, replaces=replaces)


def _deletion_settled(
    writes: Mapping[str, Json],
    fields: dict[str, FieldConflict],
    reason: str,
    touched: tuple[str, ...],
    change: Change,
    record: Record,
    kind: EntityType,
    policy: Policy,
    *,
    replaces: bool = False,
) -> Decision:
    conflict = _conflict(reason, fields, change, record, kind, policy)
    if conflict.is_open:
        return Decision("conflict", reason, touched=touched, is_stale=True, conflict=conflict)
    if fields[DELETED].winner == "server" and not conflict.is_shadow:
        return Decision("merged", reason, touched=touched, is_stale=True, conflict=conflict)
    return Decision(
        "merged", reason, writes=writes, touched=touched, replaces=replaces, is_stale=True, conflict=conflict
    )


def _guarded(decision: Decision, record: Record, kind: EntityType, missing_guard: MissingGuard) -> Decision:
    """The decision, unless it would take the status where it must not go: then the client is told, or, where
    somebody else has moved the status meanwhile, a person is asked."""
    name = kind.status_field
    if name is None or name not in decision.writes:
        return decision
    before = None if record.is_deleted else record.data.get(name)
    after = decision.writes[name]
    allowed = kind.forbids(before, after)
    detail: Mapping[str, Any] | None = None
    if allowed is not None:
        detail = {"field": name, "from": before, "to": after, "allowed": list(allowed)}
    elif after != before and isinstance(after, str):
        detail = missing_guard(after, {**record.data, **decision.writes})
    if detail is None:
        return decision
    if not decision.is_stale:
        return Decision("rejected", "invalid_transition", detail)
    fields = dict(decision.conflict.fields) if decision.conflict else {}
    fields[name] = FieldConflict(None, after, before, "transition", "none", before)
    conflict = Conflict("invalid_transition", "version", "critical", "manual", fields, is_open=True)
    return Decision(
        "conflict", "invalid_transition", detail, touched=decision.touched, is_stale=True, conflict=conflict
    )


def _conflict(
    reason: str,
    fields: Mapping[str, FieldConflict],
    change: Change,
    record: Record,
    kind: EntityType,
    policy: Policy,
) -> Conflict:
    is_shadow = policy.mode == "shadow"
    return Conflict(
        reason=reason,
        detection="version",
        severity=severity(kind, record, change.data, fields),
        strategy=policy.strategy if policy.auto_resolve else "manual",
        fields=fields,
        is_open=not is_shadow and any(conflict.winner == "none" for conflict in fields.values()),
        is_shadow=is_shadow,
    )


def _window(names: list[str], change: Change, record: Record) -> Conflict | None:
    if not names:
        return None
    fields = {
        name: FieldConflict(None, change.data[name], record.data.get(name), "window", "client", change.data[name])
        for name in names
    }
    return Conflict("window", "window", "low", "client_wins", fields, is_open=False)


def _rejected(reason: str, **detail: Any) -> Decision:
    return Decision("rejected", reason, detail)
