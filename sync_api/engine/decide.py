"""What becomes of one change to one record: the way from detection through resolution to a verdict.

The order of questions is that of the protocol's documentation. Batches, chains and storage are the caller's.
"""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from sync_api.engine import detect, resolve
from sync_api.engine.entity_types import EntityType, Policy
from sync_api.engine.severity import severity
from sync_api.engine.values import DELETED, Change, Conflict, Decision, FieldConflict, Json, Outcome, Record, Stamp

BaseOf = Callable[[str], Json]  # the value of a field at the version that the client had
MissingGuard = Callable[[str, Mapping[str, Json]], Mapping[str, Any] | None]


def no_guard(_status: str, _data: Mapping[str, Json]) -> None:
    """For types whose statuses need no other records."""
    return None


class Case(Struct, frozen=True, gc=False):
    """A change that meets an existing record. known: the version that the client had. reason: what a collision is
    then called."""

    change: Change
    record: Record
    kind: EntityType
    policy: Policy
    known: int
    reason: str
    is_stale: bool

    @property
    def undisputed(self) -> Outcome:
        return "merged" if self.is_stale else "applied"


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
    is_new = record.version == 0
    if change.client_version is not None and change.client_version > record.version:
        return _rejected("resync_required", server_version=record.version)
    if change.names_record and start > 0:  # it has made the record long ago, and its answer has been forgotten since
        return Decision("unchanged", is_stale=True)
    if change.op != "delete" and (wrong := kind.complaint(change.data, is_new=is_new)):
        return _rejected("validation_error", fields=dict(wrong))
    if kind.policy.strategy == "append_only":
        return _append(change, record, start)
    if change.op == "update_status" and kind.status_field not in change.data:
        return _rejected("validation_error", fields={kind.status_field or "status": "required"})
    decision = _create(change) if is_new else _existing(_case(change, record, kind, policy, start), base_of)
    return _guarded(decision, record, kind, missing_guard)


def _append(change: Change, record: Record, start: int) -> Decision:
    if change.op not in ("create", "append"):
        return _rejected("not_permitted", because="append-only")
    if record.version == 0:
        return _create(change)
    if detect.differing(change, record):
        return _rejected("not_permitted", because="append-only")
    return Decision("unchanged", is_stale=(change.client_version or 0) < start)


def _create(change: Change) -> Decision:
    if change.op == "delete":  # what never was is already gone
        return Decision("unchanged")
    return Decision("applied", writes=change.data, touched=tuple(change.data))


def _case(change: Change, record: Record, kind: EntityType, policy: Policy, start: int) -> Case:
    """Which version the client had. None said: of a record born earlier in this very push it had the newest; of any
    other it may have had any."""
    known, reason = change.client_version, "stale_version"
    if known is None:
        known = record.version if start == 0 else 0
        if start and change.op not in ("create", "append"):
            reason = "missing_client_version"
    return Case(change, record, kind, policy, known, reason, known < start)


def _existing(case: Case, base_of: BaseOf) -> Decision:
    if case.change.op == "delete":
        return _delete(case)
    if case.record.is_deleted:
        return _revive(case)
    return _update(case, base_of)


def _update(case: Case, base_of: BaseOf) -> Decision:
    change, record = case.change, case.record
    candidates = detect.differing(change, record)
    if not candidates:
        return Decision("unchanged", is_stale=case.is_stale)
    colliding = detect.collisions(candidates, record, change, case.known) if case.is_stale else []
    window = _window(detect.near_misses(candidates, record, change, colliding), case)
    touched = tuple(candidates)
    if not colliding:
        return Decision(case.undisputed, writes=candidates, touched=touched, is_stale=case.is_stale, window=window)
    fields = {name: resolve.resolve(name, change, record, base_of(name), case.kind, case.policy) for name in colliding}
    conflict = _conflict(case.reason, fields, case)
    if conflict.is_open:
        return Decision("conflict", case.reason, touched=touched, is_stale=True, conflict=conflict)
    writes, over = candidates, {}
    if not conflict.is_shadow:
        writes = {n: v for n, v in candidates.items() if n not in fields}
        writes |= {n: f.value for n, f in fields.items() if f.winner != "server"}
        over = _combined(fields, case)
    return Decision(
        "merged", case.reason, writes=writes, touched=touched, over=over, is_stale=True, conflict=conflict,
        window=window,
    )  # fmt: skip


def _combined(fields: Mapping[str, FieldConflict], case: Case) -> dict[str, Stamp]:
    """Field → the stamp of the other's value, where a rule made one value of both. Only then does the author's next
    edit from the same old version meet it again; a value that won because of who wrote it, or when, stands."""
    over: dict[str, Stamp] = {}
    for name, field in fields.items():
        others = detect.others_write(case.record.stamps[name], case.change)
        if others and field.winner != "server" and resolve.combines(field.rule, name, case.kind):
            over[name] = {key: value for key, value in others.items() if key != "over"}
    return over


def _delete(case: Case) -> Decision:
    if case.record.is_deleted:
        return Decision("unchanged", is_stale=case.is_stale)
    touched, writes = (*case.record.data, DELETED), {DELETED: True}
    rivals = detect.written_since(case.record, case.change, case.known) if case.is_stale else []
    if not rivals:
        return Decision(case.undisputed, writes=writes, touched=touched, is_stale=case.is_stale)
    return _settle_deletion(case, case.reason, rivals, Decision("merged", writes=writes, touched=touched))


def _revive(case: Case) -> Decision:
    writes = {**case.change.data, DELETED: False}
    replaces = case.change.op in ("create", "append")
    wish = Decision(case.undisputed, writes=writes, touched=tuple(writes), replaces=replaces, is_stale=case.is_stale)
    if not (case.is_stale and detect.tombstone_collides(case.record, case.change, case.known)):
        return wish
    return _settle_deletion(case, "deleted", [DELETED], wish)


def _settle_deletion(case: Case, reason: str, rivals: list[str], wish: Decision) -> Decision:
    """A delete against an update, from either side. wish: what the client would have."""
    field = resolve.resolve_deletion(case.change, case.record, rivals, base=False, policy=case.policy)
    conflict = _conflict(reason, {DELETED: field}, case)
    if conflict.is_open:
        return Decision("conflict", reason, touched=wish.touched, is_stale=True, conflict=conflict)
    if field.winner == "server" and not conflict.is_shadow:
        return Decision("merged", reason, touched=wish.touched, is_stale=True, conflict=conflict)
    return Decision(
        "merged", reason, writes=wish.writes, touched=wish.touched, replaces=wish.replaces, is_stale=True,
        conflict=conflict,
    )  # fmt: skip


def _guarded(decision: Decision, record: Record, kind: EntityType, missing_guard: MissingGuard) -> Decision:
    """The decision, unless it would take the status where it must not go: then the client is told, or, where
    somebody else has moved the status meanwhile, a person is asked."""
    name = kind.status_field
    if name is None or name not in decision.writes:
        return decision
    before = None if record.is_deleted else record.data.get(name)
    after = decision.writes[name]
    detail: Mapping[str, Any] | None = None
    if (allowed := kind.forbids(before, after)) is not None:
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


def _conflict(reason: str, fields: Mapping[str, FieldConflict], case: Case) -> Conflict:
    is_shadow = case.policy.mode == "shadow"
    return Conflict(
        reason=reason,
        detection="version",
        severity=severity(case.kind, case.record, case.change.data, fields),
        strategy=case.policy.strategy if case.policy.auto_resolve else "manual",
        fields=fields,
        is_open=not is_shadow and any(conflict.winner == "none" for conflict in fields.values()),
        is_shadow=is_shadow,
    )


def _window(names: list[str], case: Case) -> Conflict | None:
    if not names:
        return None
    mine, theirs = case.change.data, case.record.data
    fields = {name: FieldConflict(None, mine[name], theirs.get(name), "window", "client", mine[name]) for name in names}
    return Conflict("window", "window", "low", "client_wins", fields, is_open=False)


def _rejected(reason: str, **detail: Any) -> Decision:
    return Decision("rejected", reason, detail)
