"""What the operator is told, counted again by hand on the raw log of the platform that the demo has filled."""

from datetime import UTC, datetime
from typing import Any

import duckdb
import psycopg
import pytest
from psycopg.rows import dict_row

from tests.e2e.machine import Machine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

BY_HAND = """
WITH pushes AS (
  SELECT date_trunc('hour', received_at, 'UTC') AS hour_at, count(*) AS total_requests,
         count(*) FILTER (WHERE status <> 'failed') AS successful_requests,
         count(*) FILTER (WHERE status = 'failed') AS failed_requests, avg(duration_ms)::float8 AS avg_duration_ms,
         percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms) AS p95_duration_ms,
         avg(item_count)::float8 AS avg_items, sum(bytes_in + bytes_out) AS bytes_synced,
         sum(bytes_saved_delta) AS bytes_saved_delta, sum(bytes_saved_delta + bytes_saved_compression) AS bytes_saved,
         100.0 * sum(bytes_saved_delta + bytes_saved_compression)
           / nullif(sum(bytes_in + bytes_out + bytes_saved_delta + bytes_saved_compression), 0)
           AS bandwidth_efficiency_pct,
         count(DISTINCT device_id) AS unique_devices,
         count(DISTINCT user_id) AS unique_users
  FROM sync.sync_request WHERE tenant_id = %(tenant)s GROUP BY 1
), took_part AS (
  SELECT date_trunc('hour', l.received_at, 'UTC') AS hour_at, l.entity_type, c.event_id, c.is_auto_resolved
  FROM sync.sync_log AS l LEFT JOIN (
    SELECT event_id, bool_or(is_auto_resolved) AS is_auto_resolved FROM sync.conflict_resolution
    WHERE tenant_id = %(tenant)s AND detection = 'version' AND NOT is_shadow GROUP BY event_id
  ) AS c ON c.event_id = l.id
  WHERE l.tenant_id = %(tenant)s
), logged AS (
  SELECT hour_at, count(*) AS total_changes, count(event_id) AS total_conflicts,
         count(*) FILTER (WHERE is_auto_resolved) AS auto_resolved_conflicts,
         count(*) FILTER (WHERE NOT is_auto_resolved) AS manual_conflicts
  FROM took_part GROUP BY 1
), typed AS (
  SELECT hour_at, jsonb_object_agg(entity_type, jsonb_build_object('changes', n, 'conflicts', conflicts))
    AS by_entity_type
  FROM (SELECT hour_at, entity_type, count(*) AS n, count(event_id) AS conflicts FROM took_part GROUP BY 1, 2) AS t
  GROUP BY 1
)
SELECT pushes.*, coalesce(by_entity_type, '{}') AS by_entity_type, coalesce(total_changes, 0) AS total_changes,
       coalesce(total_conflicts, 0) AS total_conflicts, coalesce(auto_resolved_conflicts, 0) AS auto_resolved_conflicts,
       coalesce(manual_conflicts, 0) AS manual_conflicts,
       100.0 * total_conflicts / nullif(total_changes, 0) AS conflict_rate_pct
FROM pushes LEFT JOIN logged USING (hour_at) LEFT JOIN typed USING (hour_at) ORDER BY hour_at
"""

DEVICES_BY_HAND = """
WITH newest AS (SELECT max(received_at) AS at FROM sync.sync_request WHERE tenant_id = %(tenant)s)
SELECT device_id, max(r.received_at) AS last_synced_at,
       (SELECT d.user_id FROM sync.device AS d WHERE d.tenant_id = %(tenant)s AND d.device_id = r.device_id) AS user_id,
       100.0 * count(*) FILTER (WHERE r.status <> 'failed') / count(*) AS success_rate_pct,
       extract(epoch FROM max(newest.at) - max(r.received_at)) / 86400 AS idle_days,
       (SELECT 100.0 * count(*) FILTER (WHERE l.is_conflicted) / nullif(count(*), 0) FROM sync.sync_log AS l
        WHERE l.tenant_id = %(tenant)s AND l.device_id = r.device_id
          AND l.outcome IN ('applied', 'merged', 'conflict')) AS conflict_rate_pct
FROM sync.sync_request AS r, newest WHERE r.tenant_id = %(tenant)s GROUP BY device_id ORDER BY device_id
"""

REPORT_BY_HAND = """
SELECT week_at, entity_type, resolution_strategy, is_shadow, count(*) AS conflicts,
       count(*) FILTER (WHERE is_auto_resolved) AS auto_resolved,
       count(*) FILTER (WHERE by_people AND status = 'resolved') AS settled_by_people,
       count(*) FILTER (WHERE by_people AND status = 'discarded') AS discarded,
       count(*) FILTER (WHERE status = 'open') AS still_open,
       count(*) FILTER (WHERE severity = 'critical' OR severity = 'high') AS critical_or_high,
       count(DISTINCT entity_id) AS records, count(DISTINCT user_id) AS users,
       100.0 * count(*) FILTER (WHERE is_auto_resolved) / count(*) AS auto_resolution_rate_pct,
       percentile_cont(0.5) WITHIN GROUP (
         ORDER BY CASE WHEN by_people THEN extract(epoch FROM resolved_at - created_at) / 3600 END)
         AS median_hours_to_settle
FROM (
  SELECT *, date_trunc('week', created_at, 'UTC') AS week_at, status <> 'open' AND NOT is_auto_resolved AS by_people
  FROM sync.conflict_resolution WHERE tenant_id = %(tenant)s AND detection = 'version'
) AS found
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""


def rows(machine: Machine, statement: str) -> list[dict[str, Any]]:
    with psycopg.connect(machine.variables()["DATABASE_URL"], row_factory=dict_row) as connection:
        return connection.execute(statement, {"tenant": "jupyter-notebook"}).fetchall()


def assert_same(told: list[dict[str, Any]], by_hand: list[dict[str, Any]]) -> None:
    """Every column that was counted by hand is what was told."""
    for found, counted in zip(told, by_hand, strict=True):
        for name, value in counted.items():
            assert found[name] == (pytest.approx(float(value)) if isinstance(found[name], float) else value), name


def test_every_hour_of_the_dashboard_is_what_the_raw_log_says(machine: Machine, told: str) -> None:
    published = rows(
        machine, "SELECT * FROM sync.sync_analytics_snapshot WHERE tenant_id = %(tenant)s ORDER BY hour_at"
    )
    by_hand = rows(machine, BY_HAND)

    assert len(published) == len(by_hand) > 100
    assert sum(hour["total_conflicts"] for hour in by_hand) > 400
    assert_same(published, by_hand)


def test_every_devices_score_is_what_the_raw_log_says(machine: Machine, told: str) -> None:
    published = {
        row["device_id"]: row
        for row in rows(machine, "SELECT * FROM sync.sync_device_health WHERE tenant_id = %(tenant)s")
    }
    by_hand = rows(machine, DEVICES_BY_HAND)

    assert published.keys() == {device["device_id"] for device in by_hand}
    assert len(by_hand) > 1000
    for device in by_hand:
        recency = min(1.0, max(0.0, (30 - float(device.pop("idle_days"))) / 29))
        conflicts = float(device["conflict_rate_pct"] or 0)
        device["score"] = 0.6 * float(device["success_rate_pct"]) + 20 * recency + 0.2 * (100 - conflicts)
        wrong = {
            "failed_requests": device["success_rate_pct"] < 95,
            "not_seen_lately": recency < 0.5,
            "many_conflicts": conflicts > 10,
        }
        device["reasons"] = [name for name, holds in wrong.items() if holds]
        assert device["last_synced_at"] <= datetime.now(UTC)
    assert_same([published[device["device_id"]] for device in by_hand], by_hand)


def test_every_week_of_the_report_is_what_the_conflicts_say(machine: Machine, told: str) -> None:
    with duckdb.connect(machine.variables()["FORESYNC_WAREHOUSE_PATH"], read_only=True) as warehouse:
        warehouse.execute("SET TimeZone = 'UTC'")
        found = warehouse.execute(
            "FROM marts.fct_conflict_resolution_report WHERE tenant_id = 'jupyter-notebook' "
            "ORDER BY week_at, entity_type, resolution_strategy, is_shadow"
        )
        names = [column[0] for column in found.description]
        reported = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    by_hand = rows(machine, REPORT_BY_HAND)

    assert sum(week["conflicts"] for week in by_hand) > 400
    assert_same(reported, by_hand)
