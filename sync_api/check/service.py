"""Answer a check: read as a push reads, from one moment and without a lock, decide as it decides, write nothing."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from sync_api.check import hashes, store, told
from sync_api.check.known import Known
from sync_api.check.rehearsal import Rehearsal
from sync_api.check.told import Told
from sync_api.db.session import SNAPSHOT, Connection, as_tenant, retried
from sync_api.engine import clock
from sync_api.engine.hidden import Hashes, is_hidden
from sync_api.engine.membership import PROJECT, permits
from sync_api.push import service, wanted
from sync_api.push import store as push_store
from sync_api.push.fold import Fold
from sync_api.push.prepare import ChangeKey, Named, Sender
from sync_api.push.schemas import ChangeIn, Malformed
from sync_api.push.service import Engine


async def ask(engine: Engine, tenant: str, sender: Sender, changes: Sequence[ChangeIn | Malformed]) -> bytes:
    """The answer as JSON. Problem 403 for an unknown tenant or somebody else's device, as for a push."""

    async def attempt() -> bytes:
        async with as_tenant(engine.pool, tenant, mode=SNAPSHOT) as connection:
            batch = service.batch(tenant, sender, changes)
            fold = await service.begin(engine, connection, tenant, [batch], locks=False)
            seq = await store.head(connection, tenant)
            taken = Hashes()
            asked = [one if isinstance(one, Malformed) else hashes.hide(one, taken) for one in batch.changes]
            known = await _known(connection, fold, sender.user, asked)
            asked, assumed = _answered(fold, known, sender, asked)
            asked = [
                one if isinstance(one, Malformed) else _recognised(fold, known, one)
                for one in hashes.referring(asked, fold.rules.types)
            ]
            await _read_on(connection, fold, asked)
            verdicts = Rehearsal(fold, known, assumed).rehearse(sender, asked)
            items = [_item(fold, sender.user, one, verdict) for one, verdict in zip(asked, verdicts, strict=True)]
            return told.encode(items, clock.text(sender.received_at), seq)

    return await retried(attempt)


async def _known(connection: Connection, fold: Fold, user: str, asked: Sequence[Named | Malformed]) -> Known:
    """What can be recognised; the user's own projects only where one is asked for by its hash."""
    if not any(isinstance(one, Named) and is_hidden(one.change.data.get(PROJECT)) for one in asked):
        return Known()
    projects = await store.projects(connection, fold.tenant, user)
    fold.members = (fold.members or frozenset()) | {(user, project) for project in projects}
    return Known(projects)


def _answered(
    fold: Fold, known: Known, sender: Sender, asked: Sequence[Named | Malformed]
) -> tuple[list[Named | Malformed], dict[ChangeKey, list[str]]]:
    """The changes with the digests by which they are found to have been answered before. A digest is of values: where
    these cannot be told, the change is taken to be the same, and named in what comes second."""
    keys = {at: one.key for at, one in enumerate(asked) if isinstance(one, Named)}
    changes = hashes.tell_apart(asked, {at: key for at, key in keys.items() if key not in fold.answers})
    assumed: dict[ChangeKey, list[str]] = {}
    for at, key in keys.items():
        one, before = changes[at], fold.answers.get(key)
        if before is None or isinstance(one, Malformed):
            continue
        if hidden := [name for name, value in one.change.data.items() if is_hidden(value)]:
            kind = fold.rules.types.get(one.sent.entity)
            now = fold.record(one.record_key).data if _may_read(fold, sender.user, one) else {}
            one = hashes.again(one, kind, known, now, before)
            if one.sha256 != before[0]:
                assumed[key] = hidden
                one = replace(one, sha256=before[0])
            changes[at] = one
    return changes, assumed


def _recognised(fold: Fold, known: Known, named: Named) -> Named:
    return hashes.recognised(named, fold.rules.types.get(named.sent.entity), known, fold.record(named.record_key).data)


async def _read_on(connection: Connection, fold: Fold, asked: Sequence[Named | Malformed]) -> None:
    """What a push would read that names these values: known only now that some have been recognised."""
    views = [hashes.plain(one) for one in asked if isinstance(one, Named)]
    if related := wanted.related(fold, views):
        fold.snapshot.records.update(await push_store.related(connection, fold.tenant, related, locks=False))
    bases = wanted.bases(fold, views)
    if missing := {key: bases[key] for key in bases.keys() - fold.bases.keys()}:
        fold.bases = {**fold.bases, **await push_store.bases(connection, fold.tenant, missing)}


def _may_read(fold: Fold, user: str, named: Named) -> bool:
    stored = fold.snapshot.records.get(named.record_key)
    return stored is None or permits(fold.members or (), user, stored.project_id, {})


def _item(fold: Fold, user: str, named: Named | Malformed, verdict: Told) -> dict[str, Any]:
    item: dict[str, Any] = {
        "entity": named.entity if isinstance(named, Malformed) else named.sent.entity,
        "offline_id": named.offline_id if isinstance(named, Malformed) else named.sent.offline_id,
        "server_id": None,
        "verdict": verdict.verdict,
        "reason": verdict.reason,
        "detail": verdict.detail or {},
        "client_version": None,
        "server_version": None,
        "severity": verdict.severity,
        "fields": verdict.fields,
        "is_shadow": verdict.is_shadow,
        "replayed": verdict.is_replayed,
        "exact": verdict.is_exact,
        "depends_on_value": verdict.needs,
        "depends_on_changes": sorted(verdict.leans),
        "otherwise": verdict.otherwise,
    }
    if isinstance(named, Named):
        item["server_id"] = named.entity_id
        item["client_version"] = named.change.client_version
        if _may_read(fold, user, named):
            item["server_version"] = fold.record(named.record_key).expected
    return item
