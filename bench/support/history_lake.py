"""Real histories as the lake would hold them: what the engine makes of each change, and what clients announced.

The plan of a replay says the order and the base versions; the sync engine's own rules, in memory, decide each change.
So the label is the platform's, and the times are the history's. No server and no database take part, and nothing is
drawn at random: the names of everything follow from the history.
"""

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from foresync.replay import names
from foresync.replay.history import Edit, History
from foresync.replay.plan import NONE, PresenceStep, PushStep, Step, plan
from foresync.replay.times import to_datetime
from sync_api.engine import clock
from sync_api.engine.apply import apply
from sync_api.engine.decide import decide
from sync_api.engine.entity_types import EntityType, Policy
from sync_api.engine.values import Change, Record

SEED = 0
# the mainline did take every push
POLICY = Policy("client_wins")
# as sync_api gives them to presence that comes with an import
OPEN_SECONDS = 30 * 86_400

AT, TEXT, NUMBER = pa.timestamp("us", tz="UTC"), pa.string(), pa.int64()
FIELDS = pa.list_(pa.string())
_WHO_AND_WHAT = {"tenant_id": TEXT, "user_id": TEXT, "device_id": TEXT, "entity_type": TEXT, "entity_id": TEXT}
SCHEMAS = {
    "sync_log": {
        **_WHO_AND_WHAT,
        "received_at": AT,
        "id": TEXT,
        "seq": NUMBER,
        "sync_id": TEXT,
        "sync_session_id": TEXT,
        "project_id": TEXT,
        "offline_id": TEXT,
        "operation": TEXT,
        "base_version": NUMBER,
        "server_version": NUMBER,
        "new_version": NUMBER,
        "outcome": TEXT,
        "is_conflicted": pa.bool_(),
        "fields": FIELDS,
        "edited_at": AT,
        "network_type": TEXT,
        "edit_id": TEXT,
        "prediction_id": TEXT,
    },
    "edit_session_event": {
        **_WHO_AND_WHAT,
        "id": TEXT,
        "edit_id": TEXT,
        "seq": NUMBER,
        "event": TEXT,
        "base_version": NUMBER,
        "fields": FIELDS,
        "received_at": AT,
        "expires_at": AT,
    },
    "prediction_log": {
        **_WHO_AND_WHAT,
        "prediction_id": TEXT,
        "model_type": TEXT,
        "model_version": TEXT,
        "moment": TEXT,
        "asked_at": AT,
        "as_of_seq": NUMBER,
        "event_id": TEXT,
        "event_received_at": AT,
        "edit_id": TEXT,
        "features_json": TEXT,
        "conflict_probability": pa.float64(),
        "threshold": pa.float64(),
        "predicted_conflict": pa.bool_(),
        "arm": TEXT,
        "latency_ms": pa.float64(),
        "outcome": pa.bool_(),
        "outcome_at": AT,
    },
    "replay_anchor": {"tenant_id": TEXT, "source_digest": TEXT, "anchor_at": AT, "mapping": TEXT},
    "tenant": {"tenant_id": TEXT, "name": TEXT, "created_at": AT},
    "lake_coverage": {"tenant_id": TEXT, "held_to_seq": NUMBER, "missing_from_seq": NUMBER},
}
# tables of one file, without days
WHOLE = ("replay_anchor", "tenant", "lake_coverage")  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What the engine made of one change. Versions are the server's."""

    base: int
    server_version: int
    version: int
    outcome: str
    is_conflicted: bool
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Decided:
    """A history's steps with everything announced, and the verdicts by push; what is silent is left out later."""

    tenant: str
    digest: str
    steps: list[Step]
    verdicts: list[tuple[Verdict, ...]]
    versions: list[dict[int, int]]  # the version of each of a push's records after it


def decided(history: History, tenant: str) -> Decided:
    """Every change of the history through the engine, in the order of the replay."""
    steps = plan(history, tenant, 1.0, SEED)
    records: dict[tuple[str, int], Record] = {}
    result = Decided(tenant, history.digest, steps, [], [])
    kinds = {name: EntityType(name, POLICY) for name in history.entity_types}
    for step in steps:
        if not isinstance(step, PushStep):
            continue
        verdicts = []
        for edit, base in zip(step.push.edits, step.bases, strict=True):
            record = records.setdefault((edit.entity_type, edit.entity_id), Record(data={}, stamps={}))
            known = _version(result, base, edit)
            verdicts.append(_decide(step, edit, known, record, kinds[edit.entity_type]))
        result.verdicts.append(tuple(verdicts))
        result.versions.append({edit.entity_id: v.version for edit, v in zip(step.push.edits, verdicts, strict=True)})
    return result


def announced(step: Step, tenant: str, share: float) -> bool:
    """Whether the client that this step comes from announces: all of a push's edits, or none. Nested in the share."""
    draw = hashlib.sha256(f"{SEED}/{tenant}/{step.push.push_id}".encode()).digest()
    return int.from_bytes(draw[:8], "big") < share * 2**64


def write(folder: Path, histories: Sequence[Decided], share: float) -> None:
    """The raw tables below `folder` with this share of the clients announcing."""
    rows: dict[str, list[dict[str, Any]]] = {table: [] for table in SCHEMAS}
    for history in histories:
        for table, row in _rows(history, share):
            rows[table].append(row)
    for table, schema in SCHEMAS.items():
        path = folder / "raw" / table / ("" if table in WHOLE else "day=1970-01-01") / "part.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows.pop(table), pa.schema(list(schema.items()))), path)


def _rows(history: Decided, share: float) -> Iterator[tuple[str, dict[str, Any]]]:
    anchor = {"tenant_id": history.tenant, "source_digest": history.digest, "mapping": '{"keep_times": true}'}
    yield "replay_anchor", anchor | {"anchor_at": to_datetime(history.steps[-1].at)}
    yield "tenant", {"tenant_id": history.tenant, "name": history.tenant}
    seq = 0
    for step in history.steps:
        speaks = announced(step, history.tenant, share)
        if isinstance(step, PushStep):
            for edit, verdict in zip(step.push.edits, history.verdicts[step.index], strict=True):
                seq += 1
                yield "sync_log", _change(history.tenant, step, edit, verdict, seq, speaks)
        elif speaks:
            seq += 1
            yield "edit_session_event", _presence(history, step, seq)
    yield "lake_coverage", {"tenant_id": history.tenant, "held_to_seq": seq}


def _decide(step: PushStep, edit: Edit, known: int, record: Record, kind: EntityType) -> Verdict:
    before, push = record.version, step.push
    change = Change(
        op="create" if edit.op == "update" and known == 0 else edit.op,  # type: ignore[arg-type]  # a history's ops are three of them
        user=names.user(push.user_id),
        device=names.device(push.user_id, push.push_id, push.is_merge),
        client_version=known,
        edited_at=_text(edit.edited_at),
        data={}
        if edit.op == "delete"
        else {names.field(f): str(v) for f, v in zip(edit.fields, edit.values, strict=True)},
    )
    decision = decide(change, record, kind, POLICY, start=before, base_of=lambda _: None)
    if decision.outcome == "rejected":
        raise ValueError(f"push {push.push_id}, record {edit.entity_id}: {decision.reason} {decision.detail}")
    if decision.writes:
        stamp = {"version": before + 1, "user": change.user, "device": change.device, "event_id": "",
                 "event_at": _text(push.synced_at), "edited_at": change.edited_at}  # fmt: skip
        apply(record, decision, stamp)
    elif decision.outcome == "applied":  # a record without any field
        record.version = before + 1
    return Verdict(
        base=known,
        server_version=before,
        version=record.version,
        outcome=decision.outcome,
        is_conflicted=decision.conflict is not None,
        fields=tuple(decision.touched or change.data),
    )


def _version(history: Decided, base: int, edit: Edit) -> int:
    return 0 if base == NONE else history.versions[base][edit.entity_id]


def _change(tenant: str, step: PushStep, edit: Edit, verdict: Verdict, seq: int, speaks: bool) -> dict[str, Any]:
    push = step.push
    offline = names.offline(push.push_id, edit.entity_id)
    return _who_and_what(tenant, step, edit) | {
        "received_at": to_datetime(push.synced_at),
        "id": _id(offline),
        "seq": seq,
        "sync_id": _id(names.session(push.push_id)),
        "sync_session_id": names.session(push.push_id),
        "offline_id": offline,
        "operation": "create" if edit.op == "update" and verdict.base == 0 else edit.op,
        "base_version": verdict.base,
        "server_version": verdict.server_version,
        "new_version": verdict.version if verdict.version != verdict.server_version else None,
        "outcome": verdict.outcome,
        "is_conflicted": verdict.is_conflicted,
        "fields": list(verdict.fields),
        "edited_at": to_datetime(edit.edited_at),
        "edit_id": names.edit(tenant, push.push_id, edit.entity_id)
        if speaks and edit.entity_id in step.announced
        else None,
    }


def _presence(history: Decided, step: PresenceStep, seq: int) -> dict[str, Any]:
    edit_id = names.edit(history.tenant, step.push.push_id, step.edit.entity_id)
    received_at = to_datetime(step.announcement.at)
    return _who_and_what(history.tenant, step, step.edit) | {
        "id": names.event(edit_id, step.announcement.number),
        "edit_id": edit_id,
        "seq": seq,
        "event": step.announcement.kind,
        "base_version": _version(history, step.base, step.edit),
        "fields": [names.field(number) for number in step.announcement.fields],
        "received_at": received_at,
        "expires_at": to_datetime(step.announcement.at + OPEN_SECONDS * 1_000_000),
    }


def _who_and_what(tenant: str, step: Step, edit: Edit) -> dict[str, Any]:
    push = step.push
    return {
        "tenant_id": tenant,
        "user_id": names.user(push.user_id),
        "device_id": names.device(push.user_id, push.push_id, push.is_merge),
        "entity_type": edit.entity_type,
        "entity_id": names.record(edit.entity_id),
    }


def _id(name: str) -> str:
    """A name of 16 bytes at most as the id that it is: ids are in the order of their names."""
    return str(uuid.UUID(bytes=name.encode().ljust(16, b"\0")))


def _text(at: int) -> str:
    moment: datetime = to_datetime(at)
    return clock.text(moment)
