"""Watches over the open edits of those who listen: what others do to their records may call for a warning.

Runs beside the streams' poller and never in its way, nor in anybody's request. What it writes down, every process's
streams tell. Bounded: a tenant is looked at no more often than every PAUSE_SECONDS, however busy it is, and so many
edits are asked about then and no more, the ones asked longest ago first.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sync_api.db.session import AWAY, Pool, as_tenant
from sync_api.edits.risk import HIGH, RiskServer, may_be_asked
from sync_api.stream.listener import Head, Listener
from sync_api.warnings import store
from sync_api.warnings.store import Look, Stirred
from web.tokens import mint

logger = logging.getLogger("foresync.sync_api")

PAUSE_SECONDS = 0.75
LONGEST_REST = 5.0  # between two tries, while the prediction server or PostgreSQL is away
PATIENCE_SECONDS = 10.0  # for a whole round
FARTHEST_BACK = 20_000  # places in a tenant's order; what happened before is found by the edits' own heartbeats
MOST_ASKED = 200  # edits in one round
ASKED_TOGETHER = 100
MOST_WAITING = 2000
REMEMBERED_SECONDS = 60.0
OURSELVES = "foresync"  # by whom it was asked, as the log of predictions tells it


class Unanswered(Exception):  # noqa: N818 - no error of ours
    """The prediction server is away, slow or not to be understood."""


class Watch:
    """Which edits others have stirred, and when each was last asked about. Serves one hub."""

    def __init__(self, pool: Pool, risk: RiskServer, secret: str) -> None:
        self._pool, self._risk, self._secret = pool, risk, secret
        self._looked: dict[str, int] = {}  # tenant → how far
        self._waiting: dict[UUID, Stirred] = {}
        self._asked: dict[UUID, tuple[float, int]] = {}  # edit → when, and what others had done by then
        self._round: asyncio.Task[None] | None = None
        self._due = 0.0
        self._rest = PAUSE_SECONDS

    async def close(self) -> None:
        """End the round that is under way."""
        if self._round is not None:
            self._round.cancel()
            await asyncio.gather(self._round, return_exceptions=True)

    def join(self, listener: Listener, since: int | None) -> None:
        """Somebody begins to listen. since: up to where they have heard everything; what came after is looked at."""
        after = listener.position if since is None else min(since, listener.position)
        self._looked[listener.tenant] = min(after, self._looked.get(listener.tenant, after))

    def note(self, found: Iterable[Head], listeners: Mapping[str, Sequence[Listener]]) -> None:
        """Where the tenants stand now that anybody listens to. Returns at once."""
        for tenant in self._looked.keys() - listeners.keys():
            del self._looked[tenant]
        if self._round is not None or time.monotonic() < self._due:
            return
        moved = {one.tenant: one.head for one in found if one.head > self._looked.get(one.tenant, one.head)}
        looks = [
            Look(
                tenant,
                frozenset(one.user for one in listeners[tenant]),
                max(self._looked[tenant], head - FARTHEST_BACK),
            )
            for tenant, head in moved.items()
        ]
        if looks or self._waiting:
            self._looked |= moved
            self._round = asyncio.create_task(self._go(looks))

    async def _go(self, looks: Sequence[Look]) -> None:
        """One round. Whatever happens, what is left to be done waits for the next."""
        self._due = time.monotonic() + PAUSE_SECONDS
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._find(looks)
                await self._ask()
            self._rest = PAUSE_SECONDS
        except Exception as error:
            if self._rest == PAUSE_SECONDS:
                expected = isinstance(error, (Unanswered, TimeoutError, *AWAY))
                logger.warning("no warnings about open edits for now: %r", error, exc_info=not expected)
            self._rest = min(self._rest * 2, LONGEST_REST)
            self._due = time.monotonic() + self._rest
        finally:
            self._round = None

    async def _find(self, looks: Sequence[Look]) -> None:
        """Add the edits that others have stirred to those that wait to be asked about."""
        if not looks:
            return
        try:
            async with self._pool.held() as connection:
                found = await store.stirred(connection, looks, MOST_WAITING)
        except BaseException:
            for look in looks:
                if look.tenant in self._looked:
                    self._looked[look.tenant] = min(look.after, self._looked[look.tenant])
            raise
        for one in found:
            name = one.edit.edit_id
            is_news = one.seq > self._asked.get(name, (0.0, 0))[1]
            if is_news and may_be_asked(one.edit) and (name in self._waiting or len(self._waiting) < MOST_WAITING):
                self._waiting[name] = one

    async def _ask(self) -> None:
        """Ask about the edits that were asked about longest ago, and write down which are to be warned about."""
        now, moment = time.monotonic(), datetime.now(UTC)
        self._asked = {edit: last for edit, last in self._asked.items() if last[0] > now - REMEMBERED_SECONDS}
        self._waiting = {name: one for name, one in self._waiting.items() if one.edit.expires_at > moment}
        by_tenant = defaultdict(list)
        for name in sorted(self._waiting, key=lambda name: self._asked.get(name, (0.0, 0)))[:MOST_ASKED]:
            by_tenant[self._waiting[name].tenant].append(self._waiting[name])
        for tenant, those in by_tenant.items():
            for start in range(0, len(those), ASKED_TOGETHER):
                await self._ask_about(tenant, those[start : start + ASKED_TOGETHER])

    async def _ask_about(self, tenant: str, those: Sequence[Stirred]) -> None:
        for one in those:  # first, so that those whom no answer helps do not stand in the others' way
            self._asked[one.edit.edit_id] = (time.monotonic(), one.seq)
        words = await self._risk.ask_for([one.edit for one in those], OURSELVES, self._authorization(tenant))
        if words is None:
            raise Unanswered
        risen = [(one.edit, word) for one, word in zip(those, words, strict=False) if word.risk_level == HIGH]
        if risen:
            async with as_tenant(self._pool, tenant) as connection:
                await store.warn(connection, tenant, risen)
        for one in those:
            self._waiting.pop(one.edit.edit_id, None)

    def _authorization(self, tenant: str) -> str:
        scopes, soon = ("predict", "operate"), timedelta(minutes=1)
        return f"Bearer {mint(self._secret, tenant=tenant, user=OURSELVES, scopes=scopes, expires_in=soon)}"
