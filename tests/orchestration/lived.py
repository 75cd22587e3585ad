"""A tenant with a past that goes on living: people push, open edits and ask for predictions, all over real HTTP."""

import asyncio
import contextlib
import random
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg

from foresync.client import SyncClient
from foresync.declarations import load_entity_types
from foresync.replay import SCOPES
from foresync.replay.run import replay
from foresync.tenants import mint_token
from serving.settings import Settings
from tests.replay.histories import SAMPLE, slice_of_sample
from tests.serving.running import Server, serve
from tests.sync_api.running import Tenant, change, running

PAST = 1500
ROUNDS = 10
STRANGER, UNKNOWN = "stranger", "no-such-record"
HELD_OPEN = (2, 8)  # the rounds in which somebody asks across a push
WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted"
MANUAL_FROM = 7  # the round from which collisions are left to people


@dataclass
class Life:
    """Who and what there is, and what they are doing."""

    tenant: Tenant
    server: Server
    database_url: str
    draw: random.Random
    versions: dict[str, int]
    users: list[str]
    fields: list[str]
    open_edits: dict[str, tuple[str, str]] = field(default_factory=dict)

    async def go_on(self) -> None:
        """People push and ask at the same time, and between the rounds."""
        for number in range(ROUNDS):
            if number == MANUAL_FROM:
                await self.tenant.policy("manual", entity="source")
            await self.announce()
            await asyncio.gather(*(self.push() for _ in range(4)), *(self.ask() for _ in range(3)))
            await self.ask()
            if number in HELD_OPEN:
                await self.ask_while_a_push_is_held()

    async def push(self) -> None:
        """A change by somebody who may have fallen behind."""
        record, user = self.draw.choice(list(self.versions)), self.draw.choice(self.users)
        values = {name: str(self.draw.getrandbits(20)) for name in self.draw.sample(self.fields, 2)}
        made = change(
            entity="source", server_id=record, data=values,
            client_version=max(1, self.versions[record] - self.draw.choice((0, 0, 1, 2))),
        )  # fmt: skip
        answer = await self.tenant.device(user, f"{user}-{self.draw.choice('ab')}").push(made)
        for applied in answer["applied"]:
            self.versions[record] = max(self.versions[record], applied["new_version"])

    async def ask_while_a_push_is_held(self) -> None:
        """A push is received before the question, and its transaction ends after it."""
        async with await psycopg.AsyncConnection.connect(self.database_url) as held:
            await held.execute("SELECT FROM sync.tenant_clock WHERE tenant_id = %s FOR UPDATE", (self.tenant.name,))
            pushing = asyncio.create_task(self.push())
            while not await (await held.execute(WAITING)).fetchone():
                await asyncio.sleep(0.02)
            await self.ask()
        await pushing
        await self.ask()

    async def announce(self) -> None:
        """Edits are opened, named and closed; some run out by themselves before the round is over."""
        said = [self._said("opened", str(uuid.UUID(int=self.draw.getrandbits(128)))) for _ in range(4)]
        said += [self._said(self.draw.choice(("fields", "closed")), edit) for edit in list(self.open_edits)[:2]]
        await self.tenant.import_(*said)

    def _said(self, event: str, edit_id: str) -> dict[str, Any]:
        user, record = self.open_edits.setdefault(
            edit_id, (self.draw.choice(self.users), self.draw.choice(list(self.versions)))
        )
        if event == "closed":
            del self.open_edits[edit_id]
        now, behind = datetime.now(UTC), self.draw.choice((0, 0, 1, 3))
        return {
            "kind": "presence", "id": str(uuid.UUID(int=self.draw.getrandbits(128))), "edit_id": edit_id,
            "event": event, "user_id": user, "device_id": f"{user}-a", "entity": "source", "entity_id": record,
            "base_version": max(1, self.versions[record] - behind), "fields": self.draw.sample(self.fields, 2),
            "received_at": now.isoformat(),
            "expires_at": (now + timedelta(seconds=self.draw.choice((0.05, 600)))).isoformat(),
        }  # fmt: skip

    async def ask(self) -> None:
        """One user's whole queue: known and unknown records, announced and not, from a device that is named or not."""
        user, mine = self.draw.choice([*self.users, STRANGER]), list(self.open_edits.items())
        device = self.draw.choice((None, f"{user}-a", f"{user}-b"))
        items = [
            {
                "entity_type": "source", "entity_id": record, "moment": self.draw.choice(("edit_start", "edit_open")),
                "fields": self.draw.choice(([], [], self.draw.sample(self.fields, 3), ["never touched"])),
                "client_version": self.draw.choice(
                    (None, max(1, self.versions.get(record, 0) - self.draw.choice((0, 1, 2, 9))))
                ),
                "edit_id": self.draw.choice((None, *(edit for edit, (by, of) in mine if (by, of) == (user, record)))),
                "edit_age_seconds": self.draw.choice((None, None, 0, 4711.25)),
            }
            for record in [*self.draw.sample(list(self.versions), 9), UNKNOWN]
        ]  # fmt: skip
        async with self.server.client(self.tenant.name, user) as client:
            answer = await client.post(
                "/api/v1/predict-conflict/batch", json={"user_id": user, "device_id": device, "items": items}
            )
        assert answer.status_code == 200, answer.text


async def live(name: str, urls: dict[str, str], secret: str, folder: Path) -> None:
    """Replay a slice of the sample as the tenant, and let its people go on; ends with everything written."""
    async with running(urls["api"], secret) as api, _predictions(urls["serving"], secret, folder) as server:
        await asyncio.to_thread(_past, name, api, urls["admin"], secret, folder)
        async with httpx.AsyncClient(base_url=api, timeout=30) as http:
            tenant = Tenant(http, secret, name)
            await Life(tenant, server, urls["admin"], random.Random(7), **_known(urls["admin"], name)).go_on()
            # somebody nobody has heard of, in a tenant that has no rows at all
            await server.ask(tenant="unheard", user=STRANGER)


@contextlib.asynccontextmanager
async def _predictions(url: str, secret: str, folder: Path) -> AsyncIterator[Server]:
    settings = Settings(
        database_url=url, jwt_secret=secret, tracking_uri=None, model_cache=folder / "cache", withhold_share=0.0
    )
    async with serve(settings) as server:
        yield server


def _past(name: str, api: str, admin_url: str, secret: str, folder: Path) -> None:
    token = mint_token(
        admin_url, secret, tenant=name, user="importer", scopes=SCOPES, expires_in=timedelta(hours=1)
    )  # fmt: skip
    with SyncClient(api, token) as client:
        load_entity_types(client, SAMPLE.parent / "entity_types.toml")
    replay(slice_of_sample(folder, PAST), url=api, tenant=name, token=token, home=folder / "home")


def _known(admin_url: str, tenant: str) -> dict[str, Any]:
    """The most edited records with their versions, the busiest users, the fields most written to."""
    with psycopg.connect(admin_url) as connection:
        records = connection.execute(
            "SELECT entity_id, version FROM sync.record WHERE tenant_id = %s AND deleted_at IS NULL "
            "ORDER BY event_count DESC, entity_id LIMIT 12", (tenant,),
        ).fetchall()  # fmt: skip
        users = connection.execute(
            "SELECT user_id FROM sync.user_activity WHERE tenant_id = %s ORDER BY event_count DESC, user_id LIMIT 8",
            (tenant,),
        ).fetchall()
        fields = connection.execute(
            "SELECT f FROM sync.sync_log, unnest(fields) AS f WHERE tenant_id = %s "
            "GROUP BY f ORDER BY count(*) DESC, f LIMIT 6", (tenant,),
        ).fetchall()  # fmt: skip
    return {"versions": dict(records), "users": [user for (user,) in users], "fields": [name for (name,) in fields]}
