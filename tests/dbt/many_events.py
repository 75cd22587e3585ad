"""Operational tables with a hundred thousand events in seconds: real histories, or the sample and made-up activity.

Rows only, as a replay would have left them; what is worked out from them is not known here.
"""

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb
import psycopg

from bench.support import history_lake
from bench.support.activity import write_lake
from foresync.replay.history import read

SAMPLE = Path(__file__).parents[2] / "sample_data" / "jupyter__notebook.parquet"

# As `foresync replay` maps it: onto ninety days, offline clients as devices of their own; half of those announce.
SAMPLE_CHANGES = """
CREATE TABLE sample AS
SELECT
  'jupyter-notebook' AS tenant_id, row_number() OVER (ORDER BY synced_at, push_id, entity_id) AS number,
  format('00000000-0000-7000-9000-{:012x}', number) AS id, 'p' || push_id AS sync_session_id, 'u' || user_id AS user_id,
  'u' || user_id || CASE WHEN is_merge THEN '-m' || push_id ELSE '-main' END AS device_id, entity_type,
  'e' || entity_id AS entity_id, op AS operation, client_version AS base_version, server_version,
  CASE WHEN NOT applied THEN 'unchanged' WHEN client_version < server_version THEN 'merged' ELSE 'applied' END
    AS outcome,
  field_collision AS is_conflicted, list_transform(fields_client, lambda f: 'r' || f) AS fields,
  is_merge AND push_id % 2 = 0 AS is_announced,
  CASE WHEN applied THEN server_version + 1 END AS new_version,
  $start + to_microseconds((epoch_us(synced_at) - epoch_us(first)) // stretch) AS received_at,
  $start + to_microseconds((epoch_us(edited_at) - epoch_us(first)) // stretch) AS edited_at
FROM read_parquet($sample),
  (SELECT min(edited_at) AS first, (epoch_us(max(synced_at)) - epoch_us(first)) // (90 * 86400000000) AS stretch
   FROM read_parquet($sample))
"""
SAMPLE_ROWS = """
CREATE TABLE sample_rows AS
SELECT *, row_number() OVER (ORDER BY happened_at, number, kind) AS seq FROM (
  SELECT number, 1 AS kind, received_at AS happened_at FROM sample
  UNION ALL SELECT number, 0, edited_at FROM sample WHERE is_announced
  UNION ALL SELECT number, 2, received_at FROM sample WHERE is_announced)
"""
# of a lake's raw tables
CHANGES = """
CREATE TABLE changes AS
SELECT tenant_id, received_at, id, seq, sync_id, sync_session_id, user_id, device_id, entity_type, entity_id,
  offline_id, operation, base_version, server_version, new_version, outcome, is_conflicted, fields, edited_at, edit_id
FROM read_parquet($lake || '/raw/sync_log/day=*/part.parquet')
"""
PRESENCE = """
CREATE TABLE presence AS
SELECT tenant_id, id, seq, edit_id, event, user_id, device_id, entity_type, entity_id, base_version, received_at,
  expires_at, fields
FROM read_parquet($lake || '/raw/edit_session_event/day=*/part.parquet')
"""
# beside them, those of the sample
CHANGES_OF_SAMPLE = """
INSERT INTO changes BY NAME
SELECT * EXCLUDE (number, kind, happened_at, is_announced), id AS sync_id, id AS offline_id,
  CASE WHEN is_announced THEN id END AS edit_id
FROM sample JOIN sample_rows USING (number) WHERE kind = 1
"""
PRESENCE_OF_SAMPLE = """
INSERT INTO presence BY NAME
SELECT tenant_id, format('00000000-0000-7000-900{}-{:012x}', kind, number) AS id, seq, id AS edit_id,
  CASE kind WHEN 0 THEN 'opened' ELSE 'closed' END AS event, user_id, device_id, entity_type, entity_id,
  base_version, happened_at AS received_at, happened_at + INTERVAL 30 DAY AS expires_at, fields
FROM sample JOIN sample_rows USING (number) WHERE kind <> 1
"""

PG_ARRAY = "'{' || array_to_string(fields, ',') || '}' AS fields"
# table -> its rows; columns that are not named keep their defaults
ROWS = {
    "sync_log": f"SELECT * EXCLUDE fields, {PG_ARRAY} FROM changes",
    "edit_session_event": f"SELECT * EXCLUDE fields, {PG_ARRAY} FROM presence",
    "sync_request": """
        SELECT tenant_id, max(received_at) AS received_at, min(sync_id) AS sync_id, sync_session_id, user_id, device_id,
          CASE WHEN max(seq) % 50 = 0 THEN 'failed' ELSE 'success' END AS status, count(*) AS item_count,
          count(*) AS applied_count, 0 AS merged_count, 0 AS unchanged_count, 0 AS conflict_count,
          0 AS auto_resolved_count, 0 AS rejected_count, 0 AS replayed_count, 100 * count(*) AS bytes_in,
          90 AS bytes_out, 7 * max(seq) % 500 AS bytes_saved_delta, max(seq) % 97 / 10 AS duration_ms, max(seq) AS seq
        FROM changes GROUP BY tenant_id, sync_session_id, user_id, device_id""",
    "conflict_resolution": """
        SELECT tenant_id, id AS conflict_id, received_at AS event_received_at, id AS event_id, entity_type, entity_id,
          user_id, device_id, 'stale_version' AS reason, 'version' AS detection, 'medium' AS severity,
          'client_wins' AS resolution_strategy, CASE WHEN seq % 9 = 0 THEN 'open' ELSE 'resolved' END AS status,
          seq % 9 <> 0 AS is_auto_resolved, '{}' AS field_conflicts, '{}' AS client_state, '{}' AS server_state,
          server_version, received_at AS created_at, seq AS changed_seq
        FROM changes WHERE is_conflicted""",
    "prediction_log": """
        SELECT tenant_id, id AS prediction_id, 'random_forest' AS model_type, '1' AS model_version, user_id, device_id,
          entity_type, entity_id, 'edit_start' AS moment, edited_at AS asked_at, seq - 1 AS as_of_seq, edit_id,
          0.25 AS conflict_probability, 0.7 AS threshold, false AS predicted_conflict, 'shown' AS arm,
          1.5 AS latency_ms,
          to_json({features: {concurrent_editors: 1.0, hours_since_last_sync: 2.5, user_conflict_rate: 0.0,
            entity_edit_frequency: 0.1, field_overlap_score: 0.3},
            request: {fields: CASE WHEN seq % 3 = 0 THEN fields END, client_version: base_version - seq % 2}})
            AS features_json
        FROM changes WHERE seq % 61 = 0""",
    "device": """
        SELECT tenant_id, device_id, min(user_id) AS user_id, min(received_at) AS first_seen_at,
          max(received_at) AS last_seen_at
        FROM changes GROUP BY tenant_id, device_id""",
    "replay_anchor": """
        SELECT tenant_id, 'a' AS source_digest, max(received_at) AS anchor_at, '{"keep_times": false}' AS mapping
        FROM changes WHERE tenant_id = (SELECT min(tenant_id) FROM changes) GROUP BY tenant_id""",
    "tenant_conflict_policy": """
        SELECT DISTINCT tenant_id, '*' AS entity_type, 1 AS version, 'field_merge' AS strategy, 'somebody' AS created_by
        FROM changes""",
}


def insert_many(admin_url: str, made_up: int, per_day: int) -> None:
    """Fill the tables with the sample and so many made-up events; an administrator passes by row-level security."""
    with tempfile.TemporaryDirectory(prefix="many-events-") as folder:
        days = write_lake(Path(folder), made_up, per_day=per_day)
        with _held(folder) as made:
            made.execute(SAMPLE_CHANGES, {"sample": str(SAMPLE), "start": days[0]})
            made.execute(SAMPLE_ROWS)
            made.execute(CHANGES_OF_SAMPLE)
            made.execute(PRESENCE_OF_SAMPLE)
            _insert(made, admin_url, Path(folder))


def insert_histories(admin_url: str, files: Sequence[Path], changes: int) -> None:
    """Fill the tables with about so many changes, of the first pushes of each file; half of the clients announce."""
    histories = []
    for file in files:
        history, pushes, taken = read(file), [], 0
        for push in history.pushes:
            if taken >= changes // len(files):
                break
            pushes.append(push)
            taken += len(push.edits)
        histories.append(history_lake.decided(dataclasses.replace(history, pushes=pushes), file.stem))
    with tempfile.TemporaryDirectory(prefix="many-events-") as folder:
        history_lake.write(Path(folder), histories, 0.5)
        with _held(folder) as made:
            _insert(made, admin_url, Path(folder))


def _held(lake: str) -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    made.execute("SET TimeZone = 'UTC'")
    made.execute(CHANGES, {"lake": lake})
    made.execute(PRESENCE, {"lake": lake})
    return made


def _insert(made: duckdb.DuckDBPyConnection, admin_url: str, folder: Path) -> None:
    with psycopg.connect(admin_url) as connection:
        for (tenant,) in made.execute("SELECT DISTINCT tenant_id FROM changes").fetchall():
            connection.execute("SELECT sync.ensure_tenant(%s, %s)", (tenant, tenant))
        for (month,) in made.execute("SELECT DISTINCT date_trunc('month', received_at) FROM changes").fetchall():
            connection.execute("SELECT sync.ensure_month(%s)", (month,))
        for table, rows in ROWS.items():
            _copy(made, connection, table, rows, folder / f"{table}.csv")
        connection.execute("UPDATE sync.tenant_clock SET seq = (SELECT max(seq) FROM sync.sync_log) + 3")
        # as autovacuum would have, soon after such a load
        for table in ROWS:
            connection.execute(f"ANALYZE sync.{table}")


def _copy(made: duckdb.DuckDBPyConnection, connection: psycopg.Connection, table: str, rows: str, file: Path) -> None:
    made.execute(f"COPY ({rows}) TO '{file}' (FORMAT csv, HEADER false)")
    names = ", ".join(column[0] for column in made.execute(f"DESCRIBE {rows}").fetchall())
    with connection.cursor().copy(f"COPY sync.{table} ({names}) FROM STDIN (FORMAT csv)") as copy:
        copy.write(file.read_bytes())
