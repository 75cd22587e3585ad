"""A person's choice, pushed: the same fold, checks and log as any change, in that person's name."""

from collections import Counter
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from sync_api import ids
from sync_api.conflicts.settle import Patch
from sync_api.db.session import Connection
from sync_api.engine.decide import decide
from sync_api.push import store, wanted
from sync_api.push.answers import Answer
from sync_api.push.fold import Fold
from sync_api.push.prepare import Sender, name
from sync_api.push.schemas import ChangeIn, Envelope
from sync_api.push.step import Step
from web.auth import Caller
from web.problems import Problem


async def push(
    connection: Connection,
    fold: Fold,
    who: Caller,
    device: str,
    conflict_id: UUID,
    key: tuple[str, str],
    patch: Patch,
    at: datetime,
) -> str:
    """Fold the patch in, as a change of the person who knows the record as it is; answers the id of the event."""
    record = fold.record(key)
    sync_id = ids.uuid7()
    sender = Sender(who.user, sync_id, sync_id, at, Envelope(device, at), 0, 0, 0.0)
    sent = ChangeIn(
        entity=key[0], op=patch.op, offline_id=f"resolution:{conflict_id}", server_id=key[1],
        client_version=record.version, data=dict(patch.data),
    )  # fmt: skip
    named = name(sender, sent, key, ids.uuid7())
    if related := wanted.related(fold, [named]):
        fold.snapshot.records.update(await store.related(connection, who.tenant, related))
    kind = fold.rules.types[key[0]]
    policy = fold.rules.policy(kind)
    step = Step(fold, sender, named, Answer(sync_id), Counter())
    decision = decide(
        named.change, record, kind, policy,
        start=record.version, base_of=step.base_of, missing_guard=step.missing_guard(kind),
    )  # fmt: skip
    if decision.outcome == "rejected":
        raise Problem(
            422, decision.reason or "validation_error", "The record does not take these values",
            extra={"reasons": decision.detail},
        )  # fmt: skip
    # whoever decides has seen the other's edit: that it was a moment ago is no near miss
    step.take_part(replace(decision, window=None), policy, kind)
    return named.event_id
