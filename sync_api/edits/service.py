"""Open, renew and close edits: one event each, at its place in the tenant's order."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sync_api import ids
from sync_api.db.session import Connection, as_tenant, retried
from sync_api.edits import presence, store
from sync_api.edits.presence import Edit
from sync_api.edits.schemas import OpenIn, RenewIn
from sync_api.projects import access
from sync_api.push.service import Engine
from sync_api.tenancy import unknown_tenant
from web.auth import Caller
from web.problems import Problem


async def open_edit(engine: Engine, who: Caller, asked: OpenIn) -> Edit:
    """Announce an edit. The same `edit_id` again adds nothing.

    Problem 403 (also where the record is in a project of others), 404 for an unknown type, 409.
    """
    edit_id = asked.edit_id or UUID(ids.uuid7())

    async def attempt() -> Edit:
        async with as_tenant(engine.pool, who.tenant) as connection:
            # memberships before the clock, in the order in which pushes and revocations take them
            project = await store.project(connection, who.tenant, asked.entity, asked.server_id)
            await access.check(connection, who, project, {})
            tick = await store.tick(connection, who.tenant)
            if tick is None:
                raise unknown_tenant(who.tenant)
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
    """Keep an edit open. Problem 403 (also once the record is in a project of others), 404, 409 when it is closed."""

    async def attempt() -> Edit:
        async with as_tenant(engine.pool, who.tenant) as connection:
            await access.check(connection, who, await store.project_of_edit(connection, who.tenant, edit_id), {})
            seq, existing = await _held(connection, who, edit_id)
            at = datetime.now(UTC)
            lasts = timedelta(seconds=asked.expires_in)
            event = presence.renewed(
                existing, who.user, fields=asked.fields, base_version=asked.base_version, at=at, lasts=lasts
            )
            await store.add(connection, who.tenant, seq, event)
            return event

    return await retried(attempt)


async def close(engine: Engine, who: Caller, edit_id: UUID) -> Edit:
    """Close an edit; again is the same. Whoever may not touch the record any more may still go. Problem 403, 404."""

    async def attempt() -> Edit:
        async with as_tenant(engine.pool, who.tenant) as connection:
            seq, existing = await _held(connection, who, edit_id)
            event = presence.closed(existing, who.user, at=datetime.now(UTC))
            if event is not None:
                await store.add(connection, who.tenant, seq, event)
            return event or existing

    return await retried(attempt)


async def _held(connection: Connection, who: Caller, edit_id: UUID) -> tuple[int, Edit]:
    """The next place in the tenant's order, held, and the edit as it is."""
    tick = await store.tick(connection, who.tenant)
    if tick is None:
        raise unknown_tenant(who.tenant)
    existing = await store.newest(connection, who.tenant, edit_id)
    if existing is None:
        raise Problem(404, "edit_not_found", "There is no such edit", str(edit_id))
    return tick.seq, existing
