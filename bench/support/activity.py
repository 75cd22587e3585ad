"""Made-up activity of the shape that real histories have, as the lake holds it: bursts, zipf, late syncs, presence.

A burst is a few people at one record within the hour. Half of the bursts are at a record that was lately new, the
others at one of the few that everybody edits. Most edits are received within minutes, a fifth after hours or days
offline. Everything is drawn from the number of the event, so that a longer history begins with the shorter one.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

START = date(2020, 1, 1)
BURST = 8
TENANTS = 3
DAYS_AT_ONCE = 50

# [0, 1), from a number and a word
DRAW = "CREATE OR REPLACE MACRO draw(number, word) AS (hash(number, word) >> 11) / 9007199254740992.0"
# 1 .. most, the k-th with a share of 1/k
ZIPF = "CREATE OR REPLACE MACRO zipf(u, most) AS CAST(floor(exp(u * ln(most + 1))) AS BIGINT)"

EVENTS = f"""
CREATE OR REPLACE TABLE events AS
WITH bursts AS (
  SELECT
    range AS burst,
    range * {BURST} // $per_day AS day,
    't' || CAST(1 + floor(3 * draw(range, 'tenant') * draw(range, 'tenant')) AS INT) AS tenant_id,
    CASE WHEN draw(range, 'kind') < 0.7 THEN 'source' ELSE 'doc' END AS entity_type,
    CASE WHEN draw(range, 'hot') < 0.5 THEN range - zipf(draw(range, 'record'), least(range, 20000)) + 1
         ELSE -zipf(draw(range, 'record'), 5000) END AS record,
    to_timestamp($start) + to_days(CAST(range * {BURST} // $per_day AS INT))
      + to_microseconds(CAST(86e9 * (0.3 + 0.6 * draw(range, 'hour')) AS BIGINT)) AS began_at
  FROM range($first_burst, $last_burst)
), changes AS (
  SELECT
    burst * {BURST} + place AS number, bursts.*,
    'u' || zipf(draw(burst * 3 + zipf(draw(burst * {BURST} + place, 'who'), 3), 'user'), 1000) AS user_id,
    began_at + to_microseconds(CAST(1e6 * (place * 60 + 240 * draw(burst * {BURST} + place, 'gap')) AS BIGINT))
      AS received_at
  FROM bursts, range({BURST}) AS places (place)
)
SELECT
  *,
  -- without gaps within the days that are made at once
  {BURST} * $first_burst + row_number() OVER (PARTITION BY tenant_id, entity_type, record ORDER BY received_at, number)
    AS version,
  user_id || '-' || CAST(floor(1.3 * draw(number, 'device')) AS INT) AS device_id,
  list_distinct([
    'f' || zipf(draw(number, 'field'), 12),
    'f' || zipf(draw(number, CASE WHEN draw(number, 'one') < 0.6 THEN 'field' ELSE 'second' END), 12)
  ]) AS fields,
  draw(number, 'announced') < 0.2 AS is_announced,
  received_at - to_microseconds(CAST(1e6 * CASE
    WHEN draw(number, 'late') < 0.3 THEN 0
    WHEN draw(number, 'late') < 0.8 THEN 600 * draw(number, 'delay')
    ELSE exp(draw(number, 'delay') * ln(2e6)) END AS BIGINT)) AS edited_at
FROM changes
"""

# the order of arrival is the order of the clock; an announced edit has a row of its own before and after
ROWS = """
CREATE OR REPLACE TABLE numbered AS
SELECT *, $seq + row_number() OVER (PARTITION BY tenant_id ORDER BY happened_at, kind, number) AS seq FROM (
  SELECT tenant_id, number, 1 AS kind, received_at AS happened_at FROM events
  UNION ALL SELECT tenant_id, number, 0, greatest(edited_at, CAST(received_at AS DATE)) FROM events WHERE is_announced
  UNION ALL SELECT tenant_id, number, 2, received_at FROM events WHERE is_announced)
"""

SYNC_LOG = """
SELECT
  tenant_id, received_at, uuid AS id, seq, uuid AS sync_id, 'p' || number AS sync_session_id, user_id, device_id,
  entity_type, 'e' || record AS entity_id, CAST(NULL AS VARCHAR) AS project_id, 'o' || number AS offline_id,
  'update' AS operation, CAST(version - 1 AS INT) AS base_version, CAST(version - 1 AS INT) AS server_version,
  CASE WHEN draw(number, 'outcome') >= 0.05 THEN CAST(version AS INT) END AS new_version,
  CASE WHEN draw(number, 'outcome') < 0.05 THEN 'unchanged' WHEN draw(number, 'outcome') < 0.15 THEN 'merged'
       ELSE 'applied' END AS outcome,
  draw(number, 'outcome') BETWEEN 0.05 AND 0.12 AS is_conflicted, fields, edited_at,
  CAST(NULL AS VARCHAR) AS network_type,
  CASE WHEN is_announced THEN uuid END AS edit_id, CAST(NULL AS VARCHAR) AS prediction_id,
  CAST(received_at AS DATE) AS day
FROM (SELECT *, format('{:08x}-0000-7000-8000-{:012x}', number // 65536, number) AS uuid FROM events)
JOIN (SELECT tenant_id, number, seq FROM numbered WHERE kind = 1) USING (tenant_id, number)
ORDER BY received_at, seq
"""

PRESENCE = """
SELECT
  tenant_id, format('{:08x}-0000-7000-800{}-{:012x}', number // 65536, kind, number) AS id,
  format('{:08x}-0000-7000-8000-{:012x}', number // 65536, number) AS edit_id, seq,
  CASE kind WHEN 0 THEN 'opened' ELSE 'closed' END AS event, user_id, device_id, entity_type,
  'e' || record AS entity_id,
  CAST(greatest(0, version - 1 - floor(4 * draw(number, 'behind') * draw(number, 'behind'))) AS INT) AS base_version,
  fields, happened_at AS received_at,
  happened_at + to_seconds(CAST(CASE WHEN draw(number, 'ttl') < 0.5 THEN 600 ELSE 86400 END AS BIGINT)) AS expires_at,
  CAST(happened_at AS DATE) AS day
FROM numbered JOIN events USING (tenant_id, number)
WHERE kind <> 1
ORDER BY happened_at, seq
"""

PREDICTIONS = """
SELECT
  '' AS tenant_id, '' AS prediction_id, '' AS model_type, '' AS model_version, '' AS user_id, '' AS device_id,
  '' AS entity_type, '' AS entity_id, '' AS moment, now() AS asked_at, CAST(0 AS BIGINT) AS as_of_seq, '' AS event_id,
  now() AS event_received_at, '' AS edit_id, '{}' AS features_json, 0.5::DOUBLE AS conflict_probability,
  0.5::DOUBLE AS threshold, false AS predicted_conflict, '' AS arm, 0.5::DOUBLE AS latency_ms, false AS outcome,
  now() AS outcome_at
WHERE false
"""


# what is the same on every day; as far as the clocks have come, all is held
SNAPSHOTS = {
    "tenant": "SELECT DISTINCT tenant_id, tenant_id AS name, CAST('2020-01-01 00:00:00Z' AS TIMESTAMPTZ) AS created_at "
    "FROM numbered",
    "lake_coverage": "SELECT tenant_id, max(seq) AS held_to_seq, CAST(NULL AS BIGINT) AS missing_from_seq "
    "FROM numbered GROUP BY 1",
    "replay_anchor": "SELECT '' AS tenant_id, '' AS source_digest, now() AS anchor_at, '{}' AS mapping WHERE false",
}


def write_lake(lake: Path, events: int, *, per_day: int, held: int = 0, memory: str = "1GB") -> list[date]:
    """Write what the features are made of below `lake`, which holds the days of so many; answers all days, in order."""
    days, days_held = -(-events // per_day), held // per_day
    with duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{memory}'; SET threads = 2; SET TimeZone = 'UTC'")
        connection.execute(f"{DRAW}; {ZIPF}")
        for first in range(days_held - days_held % DAYS_AT_ONCE, days, DAYS_AT_ONCE):
            numbers = (first * per_day, min((first + DAYS_AT_ONCE) * per_day, events))
            given = {"per_day": per_day, "first_burst": numbers[0] // BURST, "last_burst": numbers[1] // BURST}
            connection.execute(EVENTS, given | {"start": datetime(*START.timetuple()[:3], tzinfo=UTC).timestamp()})
            connection.execute(ROWS, {"seq": 3 * numbers[0]})
            for table, rows in (("sync_log", SYNC_LOG), ("edit_session_event", PRESENCE)):
                connection.execute(f"CREATE OR REPLACE TABLE made AS {rows}")
                for number in range(max(first, days_held), min(first + DAYS_AT_ONCE, days)):
                    _write_day(connection, lake / "raw" / table, START + timedelta(days=number))
        for table, rows in SNAPSHOTS.items():
            (lake / "raw" / table).mkdir(parents=True, exist_ok=True)
            connection.execute(f"COPY ({rows}) TO '{lake / 'raw' / table / 'part.parquet'}' (FORMAT parquet)")
        nothing = lake / "raw" / "prediction_log" / "day=__HIVE_DEFAULT_PARTITION__"
        nothing.mkdir(parents=True, exist_ok=True)
        connection.execute(f"COPY ({PREDICTIONS}) TO '{nothing / 'part.parquet'}' (FORMAT parquet)")
    return [START + timedelta(days=number) for number in range(days)]


def _write_day(connection: duckdb.DuckDBPyConnection, folder: Path, day: date) -> None:
    path = folder / f"day={day.isoformat()}" / "part.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(
        f"COPY (SELECT * EXCLUDE day FROM made WHERE day = $day ORDER BY received_at, seq) "
        f"TO '{path}' (FORMAT parquet, COMPRESSION zstd)",
        {"day": day},
    )
