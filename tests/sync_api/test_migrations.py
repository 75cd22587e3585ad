"""The schema that the migrations make: complete, repeatable, and closed to whoever has no business in it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from sync_api.db import migrate
from sync_api.db.tenants import ensure_tenant

WAITING = "SELECT 1 FROM pg_locks WHERE pid = %s AND locktype = 'advisory' AND NOT granted"
Admin = "psycopg.Connection[Any]"


@pytest.fixture
def admin(database_url: str) -> Iterator[Any]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def at(url: str, database: str, user: str | None = None) -> str:
    parts = urlsplit(url)
    netloc = f"{user}@{parts.hostname}:{parts.port}" if user else parts.netloc
    return parts._replace(netloc=netloc, path=f"/{database}").geturl()


def test_the_tables_are_what_the_code_says(database_url: str) -> None:
    migrate.upgrade(database_url)
    migrate.check(database_url)


def test_two_starts_at_once_migrate_once(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE twice")
    command = [sys.executable, "-m", "sync_api.db.migrate", "upgrade"]
    environment = os.environ | {"DATABASE_URL": at(postgres_url, "twice")}
    starts = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [start.wait(120) for start in starts] == [0, 0]
    migrate.check(at(postgres_url, "twice"))


def test_every_table_is_led_by_the_tenant_and_forces_its_policy(admin: Any) -> None:
    tables = admin.execute(
        """SELECT relname, relrowsecurity, relforcerowsecurity, oid FROM pg_class
           WHERE relnamespace = 'sync'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
             AND relname <> 'alembic_version'"""
    ).fetchall()
    assert len(tables) == 26
    assert all(enabled and forced for _, enabled, forced, _ in tables)
    firsts = admin.execute(
        """SELECT i.indrelid::regclass::text, a.attname FROM pg_index i
           JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
           JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
           WHERE i.indrelid = ANY(%s) AND m.amname = 'btree'""",
        ([oid for *_, oid in tables],),
    ).fetchall()
    assert {column for _, column in firsts} == {"tenant_id"}


def test_nobody_but_the_owner_may_touch_a_partition(admin: Any) -> None:
    admin.execute("SELECT sync.ensure_month('2020-02-10Z')")
    granted = admin.execute(
        """SELECT table_name, grantee FROM information_schema.role_table_grants
           WHERE table_schema = 'sync' AND table_name LIKE 'sync\\_log\\_%%' AND grantee LIKE 'foresync\\_%%'"""
    ).fetchall()
    assert granted == []


def test_the_log_and_the_audit_are_append_only_to_the_server(admin: Any) -> None:
    rows = admin.execute(
        """SELECT table_name, privilege_type FROM information_schema.role_table_grants
           WHERE grantee = 'foresync_api' AND privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE')"""
    ).fetchall()
    changeable = {table for table, _ in rows}
    append_only = {
        "sync_log",
        "conflict_resolution_log",
        "edit_session_event",
        "sync_request",
        "tenant_conflict_policy",
    }
    assert not changeable & append_only
    assert ("record", "DELETE") not in rows


def test_serving_writes_predictions_and_reads_no_table(serving_url: str, database_url: str) -> None:
    ensure_tenant(database_url, "t")
    with psycopg.connect(serving_url, autocommit=True) as serving:
        serving.execute("SET foresync.tenant = 't'")
        serving.execute(
            """INSERT INTO sync.prediction_log (tenant_id, prediction_id, user_id, entity_type, entity_id, moment,
                 asked_at, as_of_seq, features_json, arm, latency_ms)
               VALUES ('t', uuidv7(), 'u', 'task', 'r', 'edit_start', now(), 0, '{}', 'shown', 1)
               ON CONFLICT (tenant_id, prediction_id) DO NOTHING"""
        )
        for table in ("record", "sync_log", "tenant", "user_activity", "conflict_resolution"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                serving.execute(f"SELECT * FROM sync.{table}")


def test_ingest_reads_every_tenant_and_writes_nothing(ingest_url: str, database_url: str) -> None:
    ensure_tenant(database_url, "one")
    ensure_tenant(database_url, "two")
    with psycopg.connect(ingest_url, autocommit=True) as ingest:
        found = {row[0] for row in ingest.execute("SELECT tenant_id FROM sync.tenant")}
        assert {"one", "two"} <= found
        ingest.execute("SELECT * FROM sync.edit_session")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ingest.execute("DELETE FROM sync.tenant")


def test_publish_writes_through_its_functions_alone_and_twice_is_once(publish_url: str, admin: Any) -> None:
    snapshot = """[{"hour_at": "2026-01-01T00:00:00Z", "total_requests": %d, "successful_requests": 1,
      "failed_requests": 0, "total_changes": 1, "total_conflicts": 0, "auto_resolved_conflicts": 0,
      "manual_conflicts": 0, "bytes_synced": 1, "bytes_saved_delta": 0, "bytes_saved": 0, "unique_devices": 1,
      "unique_users": 1, "by_entity_type": {}}]"""
    health = '[{"device_id": "d", "user_id": "u", "score": %d, "reasons": ["late"]}]'
    with psycopg.connect(publish_url, autocommit=True) as publish:
        for value in (1, 2):
            publish.execute("SELECT sync.publish_snapshot('p', %s)", (snapshot % value,))
            publish.execute("SELECT sync.publish_device_health('p', %s)", (health % value,))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            publish.execute("SELECT * FROM sync.sync_device_health")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            publish.execute("SELECT sync.ensure_tenant('x', 'x')")
    rows = admin.execute("SELECT total_requests FROM sync.sync_analytics_snapshot WHERE tenant_id = 'p'").fetchall()
    assert rows == [(2,)]
    assert admin.execute("SELECT score FROM sync.sync_device_health WHERE tenant_id = 'p'").fetchall() == [(2.0,)]


def test_a_month_takes_over_what_arrived_before_it(admin: Any) -> None:
    def log(received_at: str) -> None:
        admin.execute(
            """INSERT INTO sync.sync_log (tenant_id, received_at, seq, sync_id, sync_session_id, user_id, device_id,
                 entity_type, entity_id, offline_id, operation, server_version, outcome, edited_at)
               VALUES ('m', %s, 1, uuidv7(), 's', 'u', 'd', 'task', 'r', 'o', 'create', 0, 'applied', now())""",
            (received_at,),
        )

    log("2018-05-01T00:00:00Z")
    log("2018-05-31T23:59:59Z")
    log("2018-06-01T00:00:00Z")
    for _ in range(2):
        admin.execute("SELECT sync.ensure_month('2018-05-20T00:00:00Z')")
    where = "SELECT tableoid::regclass::text, count(*) FROM sync.sync_log WHERE tenant_id = 'm' GROUP BY 1 ORDER BY 1"
    assert admin.execute(where).fetchall() == [("sync.sync_log_default", 1), ("sync.sync_log_y2018m05", 2)]


def test_two_who_need_the_same_month_at_once_make_it_once(database_url: str) -> None:
    """As the first pushes of a month do: the second had looked before the first was done."""
    month = "SELECT sync.ensure_month('2017-03-01Z')"
    with psycopg.connect(database_url) as first, psycopg.connect(database_url, autocommit=True) as second:
        first.execute(month)
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(second.execute, month)
            while not first.execute(WAITING, (second.info.backend_pid,)).fetchone():
                time.sleep(0.01)
            first.commit()
            waiting.result()


def test_an_owner_who_is_no_superuser_can_run_it_all(postgres_url: str) -> None:
    """Under FORCE row-level security the owner is bound by the policies too; our functions set the tenant."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE plain_owner LOGIN PASSWORD 'plain'")
        connection.execute("CREATE DATABASE plainly_owned OWNER plain_owner")
    url = at(postgres_url, "plainly_owned", "plain_owner:plain")
    migrate.upgrade(url)
    migrate.check(url)
    ensure_tenant(url, "t")
    with psycopg.connect(url, autocommit=True) as owner:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match=r"foresync.tenant is not set"):
            owner.execute("SELECT * FROM sync.tenant")
        owner.execute("SELECT sync.ensure_month(now())")
        published = owner.execute(
            """SELECT sync.publish_device_health('t', '[{"device_id": "d", "user_id": "u", "score": 1}]')"""
        ).fetchone()
        assert published == (1,)


@pytest.mark.parametrize("setting", ["RESET foresync.tenant", "SET foresync.tenant = ''"])
def test_without_a_tenant_every_table_raises_even_an_empty_one(api_url: str, admin: Any, setting: str) -> None:
    """0 rows would pass for "nothing there"."""
    tables = admin.execute(
        """SELECT tablename FROM pg_policies WHERE schemaname = 'sync' AND policyname = 'tenant_isolation'
           AND has_table_privilege('foresync_api', 'sync.' || tablename, 'SELECT')"""
    ).fetchall()
    assert ("record",) in tables
    with psycopg.connect(api_url, autocommit=True) as api:
        api.execute(setting)
        for (table,) in tables:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="is not set"):
                api.execute(f"SELECT count(*) FROM sync.{table}")
