"""Open, renew and close edits: one event each, at its place in the tenant's order."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sync_api import ids
from sync_api.db.session import as_tenant, retried
from sync_api.edits import presence, store
from sync_api.edits.presence import Edit
from sync_api.edits.schemas import OpenIn, RenewIn
from sync_api.push.service import Engine
from web.auth import Caller
from web.problems import Problem


async def open_edit(engine: Engine, who: Caller, asked: OpenIn) -> Edit:
    """Announce an edit. The same `edit_id` again adds nothing. Problem 403, 404 for an unknown type, 409."""
    edit_id = asked.edit_id or UUID(ids.uuid7())

    async def attempt() -> Edit:
        async with as_tenant(engine.pool, who.tenant) as connection:
            tick = await store.tick(connection, who.tenant)
            if tick is None:
                raise _unknown_tenant(who.tenant)
            rules = await engine.rules.get(connection, who.tenant, tick.config_version)
            if asked.entity not in rules.types:
                raise Problem(404, "unknown_entity", "There is no such entity type", asked.entity)
            if await store.owner(connection, who.tenant, asked.device_id) not in (None, who.user):
                raise Problem(403, "device_of_another_user", "This device belongs to another user", asked.device_id)
            existing = await store.newest(connection, who.tenant, edit_id)
            at = datetime.now(UTC)
            wish = Edit(
                edit_id, "opened", who.user, asked.device_id, asked.entity, asked.server_id, asked.base_version,
                tuple(dict.fromkeys(asked.fields)), at, at + timedelta(seconds=asked.expires_in),
            )  # fmt: skip
            event = presence.opened(wish, existing)
            if event is not None:
                await store.add(connection, who.tenant, tick.seq, event)
            return event or existing or wish

    return await retried(attempt)


async def renew(engine: Engine, who: Caller, edit_id: UUID, asked: RenewIn) -> Edit:
    """Keep an edit open. Problem 403, 404, 409 when it is closed."""

    def next_event(existing: Edit, at: datetime) -> Edit:
        lasts = timedelta(seconds=asked.expires_in)
        return presence.renewed(
            existing, who.user, fields=asked.fields, base_version=asked.base_version, at=at, lasts=lasts
        )

    return await _continue(engine, who, edit_id, next_event)


async def close(engine: Engine, who: Caller, edit_id: UUID) -> Edit:
    """Close an edit; again is the same. Problem 403, 404."""
    return await _continue(engine, who, edit_id, lambda existing, at: presence.closed(existing, who.user, at=at))


async def _continue(
    engine: Engine, who: Caller, edit_id: UUID, next_event: Callable[[Edit, datetime], Edit | None]
) -> Edit:
    async def attempt() -> Edit:
        async with as_tenant(engine.pool, who.tenant) as connection:
            tick = await store.tick(connection, who.tenant)
            if tick is None:
                raise _unknown_tenant(who.tenant)
            existing = await store.newest(connection, who.tenant, edit_id)
            if existing is None:
                raise Problem(404, "edit_not_found", "There is no such edit", str(edit_id))
            event = next_event(existing, datetime.now(UTC))
            if event is not None:
                await store.add(connection, who.tenant, tick.seq, event)
            return event or existing

    return await retried(attempt)


def _unknown_tenant(tenant: str) -> Problem:
    return Problem(403, "unknown_tenant", "There is no such tenant", f"{tenant!r} has not been made here")
