"""What the operator is told, counted again by hand on the raw log of the platform that the demo has filled."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.e2e.machine import Machine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

BY_HAND = """
WITH pushes AS (
  SELECT date_trunc('hour', received_at, 'UTC') AS hour_at, count(*) AS total_requests,
         count(*) FILTER (WHERE status <> 'failed') AS successful_requests, avg(duration_ms)::float8 AS avg_duration_ms,
         percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms) AS p95_duration_ms,
         avg(item_count)::float8 AS avg_items, sum(bytes_in + bytes_out) AS bytes_synced,
         sum(bytes_saved_delta) AS bytes_saved_delta, count(DISTINCT device_id) AS unique_devices,
         count(DISTINCT user_id) AS unique_users
  FROM sync.sync_request WHERE tenant_id = %(tenant)s GROUP BY 1
), logged AS (
  SELECT date_trunc('hour', received_at, 'UTC') AS hour_at, count(*) AS total_changes,
         count(*) FILTER (WHERE EXISTS (SELECT FROM sync.conflict_resolution AS c
           WHERE c.tenant_id = l.tenant_id AND c.event_id = l.id AND c.detection = 'version')) AS total_conflicts
  FROM sync.sync_log AS l WHERE tenant_id = %(tenant)s GROUP BY 1
)
SELECT *, coalesce(total_changes, 0) AS total_changes, coalesce(total_conflicts, 0) AS total_conflicts,
       100.0 * total_conflicts / nullif(total_changes, 0) AS conflict_rate_pct
FROM pushes LEFT JOIN logged USING (hour_at) ORDER BY hour_at
"""

DEVICES_BY_HAND = """
WITH newest AS (SELECT max(received_at) AS at FROM sync.sync_request WHERE tenant_id = %(tenant)s)
SELECT device_id, max(r.received_at) AS last_synced_at,
       100.0 * count(*) FILTER (WHERE r.status <> 'failed') / count(*) AS success_rate_pct,
       extract(epoch FROM max(newest.at) - max(r.received_at)) / 86400 AS idle_days,
       (SELECT 100.0 * count(*) FILTER (WHERE l.is_conflicted) / nullif(count(*), 0) FROM sync.sync_log AS l
        WHERE l.tenant_id = %(tenant)s AND l.device_id = r.device_id
          AND l.outcome IN ('applied', 'merged', 'conflict')) AS conflict_rate_pct
FROM sync.sync_request AS r, newest WHERE r.tenant_id = %(tenant)s GROUP BY device_id ORDER BY device_id
"""


def rows(machine: Machine, statement: str) -> list[dict[str, Any]]:
    with psycopg.connect(machine.variables()["DATABASE_URL"], row_factory=dict_row) as connection:
        return connection.execute(statement, {"tenant": "jupyter-notebook"}).fetchall()


def test_every_hour_of_the_dashboard_is_what_the_raw_log_says(machine: Machine, told: str) -> None:
    published = rows(
        machine, "SELECT * FROM sync.sync_analytics_snapshot WHERE tenant_id = %(tenant)s ORDER BY hour_at"
    )
    by_hand = rows(machine, BY_HAND)

    assert len(published) == len(by_hand) > 100
    assert sum(hour["total_conflicts"] for hour in by_hand) > 400
    for found, counted in zip(published, by_hand, strict=True):
        for name, value in counted.items():
            assert found[name] == (pytest.approx(float(value)) if isinstance(found[name], float) else value), name


def test_every_devices_score_is_what_the_raw_log_says(machine: Machine, told: str) -> None:
    published = {
        row["device_id"]: row
        for row in rows(machine, "SELECT * FROM sync.sync_device_health WHERE tenant_id = %(tenant)s")
    }
    by_hand = rows(machine, DEVICES_BY_HAND)

    assert published.keys() == {device["device_id"] for device in by_hand}
    assert len(by_hand) > 1000
    for device in by_hand:
        recency = min(1.0, max(0.0, (30 - float(device["idle_days"])) / 29))
        score = 0.6 * float(device["success_rate_pct"]) + 20 * recency
        score += 0.2 * (100 - float(device["conflict_rate_pct"] or 0))
        found = published[device["device_id"]]
        assert found["score"] == pytest.approx(score)
        assert found["last_synced_at"] == device["last_synced_at"] <= datetime.now(UTC)
