"""Replay every history of a folder through a running sync API and compare what it leaves with the model of the rules.

    DATABASE_URL=… FORESYNC_JWT_SECRET=… python -m bench.replay_histories FOLDER --url http://127.0.0.1:8000

Each history gets a tenant of its own. Ends with 1 when a verdict, a version, a conflict or a record differs. Also says
how many of the stale changes and collisions that the files name were found, and of what kind the others are.
"""

import argparse
import os
import sys
import tempfile
import uuid
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from foresync.client import SyncClient
from foresync.declarations import load_entity_types
from foresync.replay import SCOPES, Ledger, names, replay
from foresync.replay.history import History, read
from foresync.replay.times import TimeMap
from foresync.tenants import mint_token
from tests.replay.histories import SAMPLE
from tests.replay.stored import State, anchor, counts, expected, stored

PARTS = ("verdicts", "collided", "near", "records")
NAMED = ("push_id", "entity_id", "op", "both_changed", "field_collision", "client_version", "server_version")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--url", default=os.environ.get("FORESYNC_API_URL", "http://127.0.0.1:8000"))
    arguments = parser.parse_args()
    database_url, run = os.environ["DATABASE_URL"], uuid.uuid4().hex[:8]
    differences = 0
    for path in sorted(arguments.folder.glob("*.parquet")):
        tenant = f"{names.tenant(path)}-{run}"
        ledger, again = send(path, arguments.url, database_url, tenant)
        history, found = read(path), stored(database_url, tenant)
        model = expected(history, TimeMap.of(history.span, *anchor(database_url, tenant)))
        differing = {part: differ(getattr(model, part), getattr(found, part)) for part in PARTS}
        differences += sum(map(len, differing.values())) + again.sent - again.replayed
        report(tenant, ledger, again, found, differing)
        labels(path, history, found)
    return 1 if differences else 0


def send(path: Path, url: str, database_url: str, tenant: str) -> tuple[Ledger, Ledger]:
    """The ledgers of a first replay and of a second, which must add nothing."""
    token = mint_token(
        database_url,
        os.environ["FORESYNC_JWT_SECRET"],
        tenant=tenant,
        user="bench",
        scopes=SCOPES,
        expires_in=timedelta(hours=6),
    )
    with SyncClient(url, token) as client:
        load_entity_types(client, SAMPLE.parent / "entity_types.toml")
    with tempfile.TemporaryDirectory() as home:
        first = replay(path, url=url, tenant=tenant, token=token, home=Path(home))
        before = counts(database_url, tenant)
        second = replay(path, url=url, tenant=tenant, token=token, home=Path(home))
        if counts(database_url, tenant) != before:
            raise SystemExit(f"{tenant}: a second run added rows")
    return first, second


def differ(model: dict[Any, Any], found: dict[Any, Any]) -> dict[Any, Any]:
    return {key: (model.get(key), found.get(key)) for key in model | found if model.get(key) != found.get(key)}


def report(tenant: str, ledger: Ledger, again: Ledger, found: State, differing: dict[str, dict[Any, Any]]) -> None:
    print(f"\n{tenant}: {ledger.sent:,} changes in {ledger.pushes:,} pushes and {ledger.presence:,} presence events")
    print(f"  {ledger.seconds:.0f} s, {ledger.rows_per_second:,.0f} changes/s, {ledger.requests:,} requests", end="; ")
    print(f"again {again.seconds:.0f} s, {again.rows_per_second:,.0f} changes/s, {again.requests:,} requests")
    print(f"  applied {ledger.applied:,}, merged {ledger.merged:,}, unchanged {ledger.unchanged:,}", end=", ")
    print(f"rejected {ledger.rejected:,}; conflicts by version {len(found.collided):,}, by window {len(found.near):,}")
    for part, keys in differing.items():
        print(f"  {part} that differ from the model: {len(keys):,}", *list(keys.items())[:3])


def labels(path: Path, history: History, found: State) -> None:
    """What the file names against what was found. A label comes from a diff of whole ranges, so a few differ."""
    stale: Counter[str] = Counter()
    collisions: Counter[str] = Counter()
    replayed = {(push.push_id, edit.entity_id) for push in history.pushes for edit in push.edits}
    for row in pq.read_table(path, columns=list(NAMED)).to_pylist():
        key = (f"p{row['push_id']}", f"e{row['entity_id']}")
        assert (row["push_id"], row["entity_id"]) in replayed
        outcome, base, version, _ = found.verdicts.get(key, ("nothing there", 0, 0, False))
        if row["both_changed"]:
            is_stale = outcome == "merged" or (outcome == "unchanged" and base < version)
            stale["found" if is_stale else f"{row['op']} {outcome}"] += 1
        if row["field_collision"]:
            collisions["found" if key in found.collided else f"{row['op']} {outcome}"] += 1
        elif key in found.collided:
            collisions["not named"] += 1
    for title, counted in (("stale changes named", stale), ("collisions named", collisions)):
        named = counted.total() - counted["not named"]
        print(
            f"  {title}: {named:,}, found {counted['found']:,} ({counted['found'] / max(named, 1):.1%})", dict(counted)
        )


if __name__ == "__main__":
    sys.exit(main())
