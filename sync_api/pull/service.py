"""Read a page of the feed: from a request that is well formed to the bytes of its answer."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from sync_api.db.session import retried
from sync_api.pull import store
from sync_api.push.service import Engine
from sync_api.tenancy import unknown_tenant
from web.auth import Caller
from web.problems import Problem

WHY = {
    "epoch": "the server was restored since: what you hold may come from a lost future",
    "position": "this position was never reached here",
    "horizon": "deletions older than this position are no longer told",
}


class Standing(Protocol):
    """Where a tenant stands: its epoch, its clock, and its tombstone horizon."""

    @property
    def epoch(self) -> UUID: ...

    @property
    def head(self) -> int: ...

    @property
    def horizon(self) -> int: ...


async def page(
    engine: Engine,
    who: Caller,
    since: int,
    entities: Sequence[str] | None,
    limit: int,
    epoch: UUID | None,
    begun: int | None,
) -> bytes:
    """The page as JSON. Problem 410 when it could not tell everything that has happened since, 403 without a tenant."""

    async def attempt() -> store.Page:
        room = limit
        while True:
            found = await store.page(engine.pool, who.tenant, who.user, since, entities, room)
            if found is None:
                raise unknown_tenant(who.tenant)
            if found.fits:
                return found
            room = max(1, room // 4)  # records far larger than usual: fewer of them at a time

    found = await retried(attempt)
    _must_reach(found, since, epoch, begun or 0)
    if since == 0:
        begun = found.head
    return b'{"changes":[%b],"next":%d,"has_more":%b,"epoch":"%b","begun":%b}' % (
        found.changes,
        found.next,
        b"true" if found.has_more else b"false",
        str(found.epoch).encode(),
        str(begun).encode() if found.has_more and begun is not None else b"null",
    )


def _must_reach(found: store.Page, since: int, epoch: UUID | None, begun: int) -> None:
    if (reason := unreachable(found, since, epoch, begun)) is not None:
        raise resync(WHY[reason])


def unreachable(found: Standing, since: int, epoch: UUID | None, begun: int = 0) -> str | None:
    """Why a client at `since` cannot be told everything any more; None when it can. One at 0 has nothing to be told of
    deletions, and one that has begun there has to be told those that came after it began."""
    if epoch is not None and epoch != found.epoch:
        return "epoch"
    if max(since, begun) > found.head:
        return "position"
    if since > 0 and max(since, begun) < found.horizon:
        return "horizon"
    return None


def resync(because: str) -> Problem:
    """What a client answers by reading everything again, from 0; its unsent changes stay."""
    return Problem(410, "resync_required", "Read everything again, from 0; keep what you have not sent", because)
