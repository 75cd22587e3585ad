"""Settle an open conflict: in one transaction, with the record locked, through the same fold as a push.

The person names the version that they have seen. Where the server has moved on, nothing is written and they are shown
the conflict anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from sync_api import ids
from sync_api.conflicts import access, as_push, settle, store, told
from sync_api.conflicts.settle import Choice, NeedsValue, Patch, Standing
from sync_api.db.session import Connection, as_tenant, retried
from sync_api.engine import clock
from sync_api.engine.values import Change, Json
from sync_api.push import store as push_store
from sync_api.push.fold import Fold
from sync_api.push.service import Engine
from sync_api.push.working import Working
from sync_api.rules import Rules
from sync_api.tenancy import unknown_tenant
from web.auth import Caller
from web.problems import Problem


@dataclass(frozen=True, slots=True)
class Decided:
    """What a person wants. expected_version: the record's version that they have seen."""

    choice: Choice
    value: Mapping[str, Json] | None
    expected_version: int


async def detail(engine: Engine, who: Caller, conflict_id: UUID) -> dict[str, Any]:
    """A conflict with both sides as they stand. Problem 404, or 403 for another user's without `operate`."""

    async def attempt() -> dict[str, Any]:
        async with as_tenant(engine.pool, who.tenant) as connection:
            row = await access.conflict(connection, who, conflict_id)
            found = await store.record(connection, who.tenant, row["entity_type"], row["entity_id"])
            if found is None:
                raise unknown_tenant(who.tenant)
            await access.check(connection, who, found["project_id"], {})
            rules = await engine.rules.get(connection, who.tenant, found["config_version"])
            now = told.record(dict(found))
            live = _standing(row, now, rules) if row["status"] == "open" else None
            history = store.rows_told(await store.history(connection, who.tenant, conflict_id))
            return told.whole(row, now, live, history)

    return await retried(attempt)


async def resolve(engine: Engine, who: Caller, conflict_id: UUID, decided: Decided) -> dict[str, Any]:
    """Settle a conflict; answers what became of it, the same again for the same choice.

    Problem 404, 403 (another user's without `operate`), 409 `conflict_moved` (with the conflict as it stands now) or
    `already_resolved`, 422 where the values cannot be taken.
    """

    async def attempt() -> dict[str, Any]:
        at = datetime.now(UTC)
        await engine.months.ensure(engine.pool, {at})
        async with as_tenant(engine.pool, who.tenant) as connection:
            return await _resolve(engine, connection, who, conflict_id, decided, at)

    return await retried(attempt)


async def _resolve(
    engine: Engine, connection: Connection, who: Caller, conflict_id: UUID, decided: Decided, at: datetime
) -> dict[str, Any]:
    row = await access.conflict(connection, who, conflict_id)
    key = (row["entity_type"], row["entity_id"])
    snapshot = await push_store.read(connection, who.tenant, [key], [], [])
    if snapshot.config_version is None:
        raise unknown_tenant(who.tenant)
    # every resolution takes the record's lock first: what it finds now, nobody else is changing
    row = await access.conflict(connection, who, conflict_id)
    if row["status"] != "open":
        return await _again(connection, who.tenant, conflict_id, decided)
    rules = await engine.rules.get(connection, who.tenant, snapshot.config_version)
    fold = Fold(who.tenant, rules, snapshot)
    record = fold.record(key)
    await access.check(connection, who, record.project_id, {})
    fields = _standing(row, record, rules)
    if record.version != decided.expected_version:
        raise Problem(
            409, "conflict_moved", "The server has moved on", f"the record is at version {record.version}",
            extra={"conflict": told.whole(row, record, fields, [])},
        )  # fmt: skip
    before = dict(record.data)
    change = told.change(row)
    patch = _patch(decided, change, fields, record, rules)
    if patch is not None:
        await access.check(connection, who, record.project_id, patch.data)
    device = row["device_id"] if row["user_id"] == who.user else f"review:{who.user}"
    event_id = await as_push.push(connection, fold, who, device, conflict_id, key, patch, at) if patch else None
    fold.writes.tick()
    fold.writes.forget_answers()  # the conflict itself remembers what was answered
    await push_store.write(connection, who.tenant, fold.finish())
    losses = settle.losses(decided.choice, change, fields, before, record)
    status = "discarded" if decided.choice == "discard" else "resolved"
    answer = {
        "conflict_id": str(conflict_id),
        "status": status,
        "choice": decided.choice,
        "new_version": record.version,
        "sync_event_id": event_id,
        "record": record.as_seen(),
        "resolved_at": clock.text(at),
        "resolved_by": who.user,
    }
    await store.settle(
        connection,
        who.tenant,
        conflict_id,
        status=status,
        at=at,
        by=who.user,
        field_conflicts=_settled(orjson.loads(row["field_conflicts"]), fields, losses),
        log_id=ids.uuid7(),
        choice=decided.choice,
        fields=losses,
        detail={"expected_version": decided.expected_version, "value": decided.value, "answer": answer},
    )
    return answer


async def _again(connection: Connection, tenant: str, conflict_id: UUID, decided: Decided) -> dict[str, Any]:
    """The answer that the same choice was given; a different one comes too late."""
    last = store.rows_told(await store.history(connection, tenant, conflict_id))[-1]
    answer = last["detail"].get("answer")
    is_same = last["decision"] == decided.choice and last["detail"].get("value") == decided.value
    if answer is None or not is_same:
        raise Problem(
            409, "already_resolved", "The conflict is settled already", f"{last['decision']} by {last['decided_by']}"
        )
    return dict(answer)


def _standing(row: Mapping[str, Any], record: Any, rules: Rules) -> dict[str, Standing]:
    kind = rules.types.get(row["entity_type"])
    if kind is None:
        raise Problem(409, "unknown_entity", "The entity type is not declared any more", row["entity_type"])
    return settle.standing(told.change(row), orjson.loads(row["field_conflicts"]), record, kind, rules.policy(kind))


def _patch(
    decided: Decided, change: Change, fields: Mapping[str, Standing], record: Working, rules: Rules
) -> Patch | None:
    try:
        return settle.patch(
            decided.choice, decided.value or {}, change, fields, record, rules.types[record.entity_type]
        )
    except NeedsValue as asked:
        raise Problem(
            422, "value_needed", "These fields cannot be merged by rule", str(asked), extra={"fields": asked.names}
        ) from asked


def _settled(
    found: Mapping[str, Mapping[str, Any]], fields: Mapping[str, Standing], losses: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """`field_conflicts` with how each field ended; what everybody had when it was found stays."""
    fresh = {
        name: {"base": field.base, "client": field.mine, "server": field.theirs, "rule": "manual"}
        for name, field in fields.items()
    }
    return {
        name: {**fresh[name], **found.get(name, {}), "winner": losses[name]["winner"], "value": losses[name]["value"]}
        for name in fields
    }
