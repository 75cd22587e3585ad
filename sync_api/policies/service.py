"""What the policy routes share: the rules that hold, and trying a policy on the conflicts that there have been."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sync_api.conflicts import cursor
from sync_api.conflicts.cursor import Place
from sync_api.db.session import Connection, as_tenant, retried
from sync_api.engine import clock, resolve
from sync_api.engine.entity_types import Policy
from sync_api.policies import dry_run, store
from sync_api.push.service import Engine
from sync_api.rules import EVERY_TYPE, Rules
from sync_api.tenancy import config_version
from web.problems import Problem


@dataclass(frozen=True, slots=True)
class Page:
    """Which conflicts to replay: found since then, before the place `after`, newest first."""

    since: datetime
    after: Place | None
    limit: int


async def rules(engine: Engine, connection: Connection, tenant: str) -> Rules:
    """The rules of the transaction's tenant. Problem 403 when there is no such tenant."""
    return await engine.rules.get(connection, tenant, await config_version(connection, tenant))


def must_know(rules: Rules, entity: str) -> None:
    """Problem 404 for an entity type that is not declared."""
    if entity != EVERY_TYPE and entity not in rules.types:
        raise Problem(404, "unknown_entity", "There is no such entity type", entity)


async def try_out(engine: Engine, tenant: str, entity: str, policy: Policy, page: Page) -> dict[str, Any]:
    """Replay a page of conflicts under another policy. `*` means the types that have no policy of their own."""

    async def attempt() -> tuple[Rules, list[Any]]:
        async with as_tenant(engine.pool, tenant) as connection:
            known = await rules(engine, connection, tenant)
            must_know(known, entity)
            types = [entity] if entity != EVERY_TYPE else sorted(known.types.keys() - known.policies.keys())
            return known, await store.conflicts(connection, tenant, types, page.since, page.after, page.limit + 1)

    known, rows = await retried(attempt)
    told = _told(known, policy, rows[: page.limit])
    return told | {"next": cursor.after(rows[page.limit - 1]) if len(rows) > page.limit else None}


def _told(known: Rules, policy: Policy, rows: list[Any]) -> dict[str, Any]:
    winners: Counter[str | None] = Counter({"client": 0, "server": 0, "merged": 0, "none": 0})
    still_manual: list[dict[str, Any]] = []
    settled = different = 0
    for row in rows:
        case = dry_run.case(row)
        fields = dry_run.replay(case, known.types[row["entity_type"]], policy)
        winners.update(field.winner for field in fields.values())
        if all(field.winner != "none" for field in fields.values()):
            settled += 1
            different += row["status"] != "open" and dry_run.differs(case, fields)
            continue
        still_manual.append(
            {
                "conflict_id": str(row["conflict_id"]),
                "entity": row["entity_type"],
                "server_id": row["entity_id"],
                "severity": row["severity"],
                "created_at": clock.text(row["created_at"]),
                "status": row["status"],
                "fields": resolve.as_json(fields),
            }
        )
    return {
        "replayed": len(rows),
        "settled": settled,
        "manual": len(still_manual),
        "different": different,
        "winners": winners,
        "still_manual": still_manual,
    }
