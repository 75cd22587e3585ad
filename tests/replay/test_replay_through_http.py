"""A real history through the real API into a real database: what the rules say, however often it is sent."""

import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from foresync.client import SyncClient
from foresync.replay import SCOPES, Ledger, Options, ReplayError, replay
from foresync.replay.history import read
from foresync.replay.times import TimeMap
from foresync.tenants import mint_token
from tests.replay.conftest import Tenant
from tests.replay.histories import SAMPLE, slice_of_sample
from tests.replay.stored import anchor, counts, expected, stored

CHANGES = 1500


def send(tenant: Tenant, path: Path, options: Options | None = None) -> Ledger:
    return replay(path, url=tenant.url, tenant=tenant.name, token=tenant.token, home=tenant.home, options=options)


def agree(database_url: str, tenant: Tenant, path: Path) -> None:
    """The database holds exactly what the model says."""
    history = read(path)
    model = expected(history, TimeMap.of(history.span, *anchor(database_url, tenant.name)))
    found = stored(database_url, tenant.name)
    for part in ("verdicts", "collided", "near", "records"):
        ours, theirs = getattr(model, part), getattr(found, part)
        differing = {key: (ours.get(key), theirs.get(key)) for key in ours | theirs if ours.get(key) != theirs.get(key)}
        assert not differing, f"{part}: {len(differing)} differ, such as {dict(list(differing.items())[:5])}"


def received(database_url: str, tenant: Tenant) -> tuple[datetime, datetime] | None:
    """The first and the last moment at which the tenant's changes were received."""
    with psycopg.connect(database_url) as connection:
        return connection.execute(
            "select min(received_at), max(received_at) from sync.sync_log where tenant_id = %s", [tenant.name]
        ).fetchone()


@pytest.mark.parametrize(
    "changes", [CHANGES, pytest.param(None, marks=[pytest.mark.slow, pytest.mark.timeout(900)], id="whole sample")]
)
def test_every_verdict_version_and_conflict_is_the_models_and_a_second_run_adds_nothing(
    tenant: Tenant, database_url: str, tmp_path: Path, changes: int | None
) -> None:
    path = slice_of_sample(tmp_path, changes) if changes else SAMPLE
    total = read(path).changes

    first = send(tenant, path)

    assert (first.sent, first.replayed, first.rejected, first.waiting) == (total, 0, 0, 0)
    assert first.applied + first.merged + first.unchanged == total
    agree(database_url, tenant, path)
    anchor_at, _ = anchor(database_url, tenant.name)
    assert received(database_url, tenant) == (anchor_at - timedelta(days=90), anchor_at)

    before = counts(database_url, tenant.name)
    again = send(tenant, path)

    assert (again.sent, again.replayed, again.conflicts) == (total, total, 0)
    assert (again.presence, again.presence_replayed) == (0, first.presence)
    assert again.requests < first.requests, "the remembered answers were of no use"
    assert counts(database_url, tenant.name) == before


def test_a_replay_killed_in_the_middle_ends_where_an_undisturbed_one_does(
    tenant: Tenant, database_url: str, tmp_path: Path
) -> None:
    path = slice_of_sample(tmp_path, CHANGES)
    command = [sys.executable, "-c", "from foresync.cli import main; main()", "replay", str(path)]
    process = subprocess.Popen(
        [*command, "--url", tenant.url, "--tenant", tenant.name],
        env=os.environ | {"FORESYNC_TOKEN": tenant.token, "FORESYNC_HOME": str(tenant.home)},
    )
    while counts(database_url, tenant.name)["applied_change"] < 300 and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it was over before it could be killed"

    ledger = send(tenant, path)

    assert 300 <= ledger.replayed < ledger.sent
    agree(database_url, tenant, path)


def test_presence_arrives_in_order_and_never_knows_a_field_too_early(
    tenant: Tenant, database_url: str, tmp_path: Path
) -> None:
    path = slice_of_sample(tmp_path, 600)
    ledger = send(tenant, path, Options(presence_share=1.0, keep_times=True))
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "select received_at, 'push', edit_id, sync_session_id, entity_id, null, base_version, seq "
            "from sync.sync_log where tenant_id = %(t)s union all "
            "select received_at, event, edit_id, device_id, entity_id, fields, base_version, seq "
            "from sync.edit_session_event where tenant_id = %(t)s order by 8",
            {"t": tenant.name},
        ).fetchall()

    history = read(path)
    merges = {f"u{p.user_id}-m{p.push_id}": p for p in history.pushes if p.is_merge}
    edits = {(device, f"e{edit.entity_id}"): edit for device, push in merges.items() for edit in push.edits}
    assert ledger.presence == sum(row[1] != "push" for row in rows) >= 2 * len(edits)
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    for received_at, event, _, device, entity, fields, _, _ in rows:
        if event != "push":
            edit = edits[device, entity]
            moment = int(received_at.timestamp() * 1_000_000)
            first_at = {f"r{name}": at for name, at in zip(edit.fields, edit.first_at, strict=True)}
            assert set(fields) == {name for name, at in first_at.items() if at <= moment}
    for end in ("push", "opened", "closed"):
        named = [row[2] for row in rows if row[1] == end and row[2]]
        assert len(named) == len(set(named)) == len(edits)
    assert len({row[2] for row in rows if row[2]}) == len(edits)


def test_a_tenant_keeps_to_the_terms_of_its_first_replay(tenant: Tenant, tmp_path: Path) -> None:
    path = slice_of_sample(tmp_path, 50)
    send(tenant, path)

    with pytest.raises(ReplayError, match=r"presence_share is 0\.5"):
        send(tenant, path, Options(presence_share=1.0))


def test_a_tenant_without_the_types_is_told_before_anything_is_sent(
    server: str, database_url: str, jwt_secret: str, tmp_path: Path
) -> None:
    token = mint_token(database_url, jwt_secret, tenant="bare", user="u", scopes=SCOPES, expires_in=timedelta(hours=1))
    bare = Tenant(server, "bare", token, tmp_path / "home")

    with pytest.raises(ReplayError, match="entity-types load"):
        send(bare, slice_of_sample(tmp_path, 50))

    assert counts(database_url, "bare")["applied_change"] == 0


def test_the_policy_is_set_once(tenant: Tenant, database_url: str, tmp_path: Path) -> None:
    path = slice_of_sample(tmp_path, 50)
    send(tenant, path)
    send(tenant, path)

    with SyncClient(tenant.url, tenant.token) as client:
        assert client.policy("*").strategy == "client_wins"
    assert counts(database_url, tenant.name)["tenant_conflict_policy"] == 1
