"""The operator's figures: what was published, added up over a window; devices by health; whose they are."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from tests.sync_api.running import Tenant

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
HOUR = {
    "total_requests": 10, "successful_requests": 9, "failed_requests": 1, "avg_duration_ms": 10.0,
    "p95_duration_ms": 20.0, "avg_items": 2.0, "total_changes": 20, "total_conflicts": 4,
    "auto_resolved_conflicts": 3, "manual_conflicts": 1, "conflict_rate_pct": 20.0, "bytes_synced": 1000,
    "bytes_saved_delta": 100, "bytes_saved": 250, "bandwidth_efficiency_pct": 20.0, "unique_devices": 2,
    "unique_users": 2,
    "by_entity_type": {"task": {"changes": 15, "conflicts": 1}, "permit": {"changes": 5, "conflicts": 3}},
}  # fmt: skip


def publish(url: str, function: str, tenant: str, rows: list[dict[str, Any]]) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(f"SELECT sync.{function}(%s, %s)", (tenant, json.dumps(rows)))


def hour(at: datetime, **figures: Any) -> dict[str, Any]:
    return HOUR | {"hour_at": at.isoformat()} | figures


def device(name: str, score: float, *reasons: str, synced_at: datetime = NOON) -> dict[str, Any]:
    return {
        "device_id": name, "user_id": f"u-{name}", "score": score, "success_rate_pct": 100.0,
        "conflict_rate_pct": None, "last_synced_at": synced_at.isoformat(), "reasons": list(reasons),
    }  # fmt: skip


async def get(tenant: Tenant, path: str, **params: Any) -> dict[str, Any]:
    answer = await tenant.http.get(path, headers=tenant.headers(scopes=("operate",)), params=params)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_window_adds_up_its_hours_and_weighs_them(tenant: Tenant, publish_url: str) -> None:
    quiet = {
        "total_requests": 30, "successful_requests": 30, "failed_requests": 0, "avg_duration_ms": 2.0,
        "p95_duration_ms": 50.0, "avg_items": 1.0, "total_changes": 30, "total_conflicts": 0,
        "auto_resolved_conflicts": 0, "manual_conflicts": 0, "conflict_rate_pct": 0.0,
        "by_entity_type": {"task": {"changes": 30, "conflicts": 0}},
    }  # fmt: skip
    rows = [hour(NOON), hour(NOON + timedelta(hours=13), **quiet), hour(NOON + timedelta(hours=14))]
    publish(publish_url, "publish_snapshot", tenant.name, rows)
    window = {"since": NOON.isoformat(), "until": (NOON + timedelta(hours=14)).isoformat()}

    told = await get(tenant, "/api/v1/sync/dashboard", **window)

    totals = told["totals"]
    assert (totals["total_requests"], totals["failed_requests"], totals["total_changes"]) == (40, 1, 50)
    assert totals["avg_duration_ms"] == pytest.approx((10 * 10 + 30 * 2) / 40)
    assert totals["avg_items"] == pytest.approx((10 * 2 + 30 * 1) / 40)
    assert totals["worst_p95_duration_ms"] == 50
    assert totals["conflict_rate_pct"] == pytest.approx(100 * 4 / 50)
    assert totals["bandwidth_efficiency_pct"] == pytest.approx(100 * 500 / (2000 + 500))
    assert told["published_at"] is not None
    assert [period["at"] for period in told["periods"]] == ["2026-09-01T12:00:00Z", "2026-09-02T01:00:00Z"]
    assert told["by_entity"] == [
        {"entity": "permit", "changes": 5, "conflicts": 3},
        {"entity": "task", "changes": 45, "conflicts": 1},
    ]
    by_day = await get(tenant, "/api/sync/dashboard/", **window, bucket="day")
    assert [(day["at"], day["total_requests"]) for day in by_day["periods"]] == [
        ("2026-09-01T00:00:00Z", 10), ("2026-09-02T00:00:00Z", 30),
    ]  # fmt: skip


async def test_nothing_published_is_told_as_such(tenant: Tenant) -> None:
    told = await get(tenant, "/api/v1/sync/dashboard")

    assert told["published_at"] is None
    assert told["totals"]["total_requests"] == 0
    assert told["totals"]["conflict_rate_pct"] is None
    assert (told["periods"], told["open_conflicts"], told["devices"]["known"]) == ([], {}, 0)


async def test_open_conflicts_are_those_of_now(tenant: Tenant) -> None:
    await tenant.policy("manual")
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="t", data={"title": "a"})
    await ann.one(op="update", server_id="t", client_version=1, data={"title": "b"})
    await ben.one(op="update", server_id="t", client_version=1, data={"title": "c"})

    assert sum((await get(tenant, "/api/v1/sync/dashboard"))["open_conflicts"].values()) == 1


async def test_the_least_healthy_device_comes_first_and_pages_hold_each_once(tenant: Tenant, publish_url: str) -> None:
    scores = {"a": 90.0, "b": 20.0, "c": 55.5, "d": 20.0, "e": 100.0}
    publish(
        publish_url, "publish_device_health", tenant.name,
        [device(name, score, *(["not_seen_lately"] if score < 50 else [])) for name, score in scores.items()],
    )  # fmt: skip
    found, after = [], None
    while True:
        page = await get(tenant, "/api/v1/sync/device-health", limit=2, **({"after": after} if after else {}))
        found += [one["device_id"] for one in page["devices"]]
        if not (after := page["next"]):
            break

    assert found == ["b", "d", "c", "a", "e"]
    low = await get(tenant, "/api/sync/device-health", below=50, reason="not_seen_lately")
    assert [(one["device_id"], one["reasons"]) for one in low["devices"]] == [
        ("b", ["not_seen_lately"]), ("d", ["not_seen_lately"]),
    ]  # fmt: skip
    assert (await get(tenant, "/api/v1/sync/dashboard", since=NOON.isoformat(), until="2026-09-02"))["devices"] == {
        "known": 5, "seen": 5, "users_seen": 5, "avg_score": pytest.approx(57.1), "in_trouble": 2,
    }  # fmt: skip


async def test_another_tenants_figures_are_not_seen(
    tenant: Tenant, new_tenant: Callable[[], Tenant], publish_url: str
) -> None:
    publish(publish_url, "publish_snapshot", tenant.name, [hour(NOON)])
    publish(publish_url, "publish_device_health", tenant.name, [device("a", 50.0)])

    told = await get(new_tenant(), "/api/v1/sync/dashboard", since="2026-08-30", until="2026-09-03")

    assert told["totals"]["total_requests"] == 0
    assert (await get(new_tenant(), "/api/v1/sync/device-health"))["devices"] == []


@pytest.mark.parametrize(
    "params",
    [
        {"since": "2026-09-02", "until": "2026-09-01"},
        {"since": "2026-01-01", "until": "2026-09-01"},
        {"since": "2024-01-01", "until": "2026-09-01", "bucket": "day"},
        {"bucket": "minute"},
        {"since": "yesterday"},
    ],
)
async def test_a_window_that_makes_no_sense_is_refused(tenant: Tenant, params: dict[str, str]) -> None:
    answer = await tenant.http.get("/api/v1/sync/dashboard", headers=tenant.headers(scopes=("operate",)), params=params)
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize(
    "after", ["x", "bnVsbA==", "WzEsMl0=x", "eyJhIjogMX0=", "WzEsIlx1MDAwMCJd", "WzEsIlx1ZDgwMCJd"]
)
async def test_a_place_of_no_list_is_refused(tenant: Tenant, after: str) -> None:
    answer = await tenant.http.get(
        "/api/v1/sync/device-health", headers=tenant.headers(scopes=("operate",)), params={"after": after}
    )
    assert answer.status_code == 422, answer.text


async def test_without_dagster_the_request_is_told_to_come_back(tenant: Tenant) -> None:
    answer = await tenant.http.post("/api/v1/sync/snapshot/create", headers=tenant.headers(scopes=("operate",)))

    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert answer.json()["code"] == "orchestration_unavailable"
    assert "FORESYNC_DAGSTER_URL" in answer.json()["detail"]
