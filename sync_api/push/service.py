"""Take pushes: read, decide, write. First in the hope of being alone, with nothing locked while it is decided; when
somebody else was there, again from the start, in one transaction that holds what it reads."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import asyncpg

from sync_api import ids
from sync_api.db.session import Connection, Months, Pool, Raced, Unbegun, as_tenant, retried, unbegun
from sync_api.push import references, store, wanted
from sync_api.push.answers import Answer
from sync_api.push.fold import Fold
from sync_api.push.prepare import Meant, Named, Sender, change_key, meant, name
from sync_api.push.schemas import ChangeIn, Malformed
from sync_api.rules import RulesCache
from sync_api.tenancy import unknown_tenant
from web.problems import Problem


@dataclass(frozen=True, slots=True)
class Engine:
    """What every request that takes changes needs.

    spent: what the last push came of. To free thousands of objects takes a twentieth of a push: that is done while the
    next one waits for PostgreSQL, not while somebody waits for an answer."""

    pool: Pool
    rules: RulesCache
    months: Months
    spent: list[object] = field(default_factory=list)


@dataclass(slots=True)
class Batch:
    """One push of one sender: its changes, each with the record that it means, and as they are named in the end."""

    sender: Sender
    meant: list[Meant | Malformed]
    changes: list[Named | Malformed] = field(default_factory=list)

    def name(self) -> None:
        """Name the changes, unless an earlier attempt has, and the events that they may become: all of one moment."""
        new_id = ids.series()
        self.changes = self.changes or [
            one if isinstance(one, Malformed) else name(self.sender, *one, new_id()) for one in self.meant
        ]


def batch(tenant: str, sender: Sender, changes: Sequence[ChangeIn | Malformed]) -> Batch:
    """A push, ready to be taken."""
    return Batch(sender, meant(tenant, sender, changes))


async def take(engine: Engine, tenant: str, batches: Sequence[Batch]) -> list[Answer]:
    """Take the pushes in order, all or none of them. Problem 403 for an unknown tenant or somebody else's device."""
    hopes = iter((True,))  # one, and no second

    async def attempt() -> list[Answer]:
        await engine.months.ensure(engine.pool, {one.sender.received_at for one in batches})
        if next(hopes, False):
            with suppress(Raced, asyncpg.SerializationError):
                async with unbegun(engine.pool, tenant) as connection:
                    return await _take(engine, connection, tenant, batches)
        async with as_tenant(engine.pool, tenant) as connection:
            return await _take(engine, connection, tenant, batches)

    return await retried(attempt)


async def _take(
    engine: Engine, connection: Connection | Unbegun, tenant: str, batches: Sequence[Batch]
) -> list[Answer]:
    fold = await begin(engine, connection, tenant, batches)
    answers = [fold.push(one.sender, one.changes) for one in batches]
    if isinstance(connection, Unbegun) and not all(change.key in fold.answers for change in _named(batches)):
        raise Raced  # or perhaps: nothing will be stored that could show that a change was answered before
    for one, answer in zip(batches, answers, strict=True):
        answer.basis = fold
        asyncio.get_running_loop().call_soon(answer.encode, one.sender.received_at)  # while PostgreSQL writes
    await store.write(connection, tenant, fold.finish())
    return answers


async def begin(
    engine: Engine, connection: Connection | Unbegun, tenant: str, batches: Sequence[Batch], *, locks: bool = True
) -> Fold:
    """Read and lock all that deciding needs; put into the changes the final ids of what they refer to.

    Where no transaction is begun, records are not locked, and only the ends of a batch are looked up among what was
    answered before (a batch comes again as it came): whoever writes finds out about the rest. Raced when they were.
    """
    is_hopeful = isinstance(connection, Unbegun)
    sent = [(one.sender, *change) for one in batches for change in one.meant if not isinstance(change, Malformed)]
    asked = [*sent[:1], *sent[1:][-1:]] if is_hopeful else sent
    for later in (*(one.name for one in batches), engine.spent.clear):
        asyncio.get_running_loop().call_soon(later)  # while PostgreSQL reads: the question leaves first
    snapshot = await store.read(
        connection,
        tenant,
        [record for _, _, record in sent],
        [change_key(sender, change) for sender, change, _ in asked],
        [one.sender.device for one in batches],
        locks=locks and not is_hopeful,
    )
    for one in batches:
        one.name()  # which it is by now, unless that went wrong
    if is_hopeful and snapshot.answers:
        raise Raced
    if snapshot.config_version is None:
        raise unknown_tenant(tenant)
    for one in batches:
        if snapshot.owners.get(one.sender.device, one.sender.user) != one.sender.user:
            raise Problem(403, "device_of_another_user", "This device belongs to another user", one.sender.device)
    fold = Fold(tenant, await engine.rules.get(connection, tenant, snapshot.config_version), snapshot)
    for one in batches:
        one.changes[:] = references.put_in(one.changes, fold.rules.types)
    new = [change for change in _named(batches) if change.key not in snapshot.answers]
    if not any(one.sender.kind == "import" for one in batches):  # history is not asked who may write it
        fold.members = frozenset()
        if projects := wanted.projects(fold, new):
            users = {one.sender.user for one in batches}
            fold.members = await store.members(connection, tenant, users, projects, locks=locks)
    if related := wanted.related(fold, new):
        snapshot.records.update(await store.related(connection, tenant, related, locks=locks))
    if bases := wanted.bases(fold, new):
        fold.bases = await store.bases(connection, tenant, bases)
    return fold


def _named(batches: Sequence[Batch]) -> list[Named]:
    return [change for one in batches for change in one.changes if isinstance(change, Named)]
