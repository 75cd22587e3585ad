"""The main job, through the doors that a user uses: the command, HTTP, Dagster's API, SQL on what was written."""

import os
import re
import time
from pathlib import Path

import httpx
import psutil
import psycopg
import pyarrow.parquet as pq
import pytest

from tests.e2e.machine import Machine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

HISTORY = Path(__file__).parents[2] / "sample_data" / "jupyter__notebook.parquet"


def test_the_demo_tells_every_stage_and_two_predictions(told: str) -> None:
    stages = re.findall(r"^(start|push|ingest|dbt|train|promote|watch|publish|swap|predict)\b", told, re.MULTILINE)

    assert set(stages) == {"start", "push", "ingest", "dbt", "train", "promote", "watch", "publish", "swap", "predict"}
    assert "base rate" in told
    contested, quiet = re.findall(r"([\d.]+)% likely to conflict", told)
    assert float(contested) > float(quiet)


def test_every_change_of_the_history_is_in_the_log_once(machine: Machine, told: str) -> None:
    history = pq.read_table(HISTORY, columns=["push_id", "entity_id", "both_changed"]).to_pylist()

    with psycopg.connect(machine.variables()["DATABASE_URL"]) as connection:
        logged = connection.execute("SELECT sync_session_id, entity_id FROM sync.sync_log").fetchall()
        stale = connection.execute("SELECT count(*) FROM sync.sync_log WHERE base_version < server_version").fetchone()

    assert len(logged) == len(history)
    assert set(logged) == {(f"p{change['push_id']}", f"e{change['entity_id']}") for change in history}
    # a push that the server finds unchanged raises no version: after it, one or two are no longer stale
    assert stale is not None
    assert stale[0] >= 0.99 * sum(change["both_changed"] for change in history)


def test_every_asset_is_materialised_and_no_check_failed(machine: Machine, told: str) -> None:
    query = "{ assetNodes { assetKey { path } jobNames assetMaterializations(limit: 1) { timestamp } } }"
    url = machine.variables()["FORESYNC_DAGSTER_URL"]
    nodes = httpx.post(f"{url}/graphql", json={"query": query}, timeout=60).json()["data"]["assetNodes"]

    ours = [node for node in nodes if "main_job" in node["jobNames"]]
    assert len(ours) > 25
    assert [node["assetKey"]["path"] for node in ours if not node["assetMaterializations"]] == []
    assert re.findall(r"check \w+ of .* failed", told) == []


def test_a_client_hundreds_of_versions_behind_is_told_so(machine: Machine, told: str) -> None:
    """The most rewritten record of the history, edited from version 1 and from the newest."""
    with psycopg.connect(machine.variables()["DATABASE_URL"]) as connection:
        entity_type, entity_id, newest = connection.execute(
            "SELECT entity_type, entity_id, version FROM sync.record WHERE deleted_at IS NULL"
            " ORDER BY version DESC LIMIT 1"
        ).fetchone()
        touched = connection.execute(
            "SELECT fields FROM sync.sync_log WHERE entity_id = %s ORDER BY seq DESC LIMIT 1", (entity_id,)
        ).fetchone()[0]
    record = {"user_id": "somebody", "entity_type": entity_type, "entity_id": entity_id, "fields": list(touched)[:5]}
    token = machine.foresync("token", "--tenant", "jupyter-notebook", "--user", "somebody").strip()
    url, headers = machine.variables()["FORESYNC_SERVING_URL"], {"Authorization": f"Bearer {token}"}
    behind, abreast = (
        httpx.post(
            f"{url}/api/ml/predict-conflict/", json=record | {"client_version": version}, headers=headers, timeout=30
        ).json()["conflict_probability"]
        for version in (1, newest)
    )

    assert newest > 100
    assert behind >= abreast > 0
    assert behind > 0.01


def test_a_second_demo_changes_nothing_twice(machine: Machine, told: str) -> None:
    before, model = machine.counts(), champion(machine)
    again = machine.foresync("demo")

    assert "every change answered from its stored answer" in again
    assert machine.counts() == before
    assert champion(machine) == model


def test_an_operator_has_the_figures_brought_up_to_date_and_reads_them(machine: Machine, told: str) -> None:
    token = machine.foresync("token", "--tenant", "jupyter-notebook", "--user", "boss", "--scope", "operate").strip()
    address = machine.variables()["FORESYNC_API_URL"]
    with httpx.Client(
        base_url=f"{address}/api/v1/sync", headers={"Authorization": f"Bearer {token}"}, timeout=60
    ) as api:
        before = api.get("/dashboard", params={"bucket": "day"}).json()["published_at"]
        started = api.post("/snapshot/create")
        assert started.status_code == 202, started.text
        deadline = time.monotonic() + 240
        while (run := api.get(f"/snapshot/{started.json()['run_id']}").json())["status"] in ("queued", "running"):
            assert time.monotonic() < deadline, run
            time.sleep(1)
        told_now = api.get("/dashboard", params={"bucket": "day"}).json()
        devices = api.get("/device-health", params={"limit": 500}).json()["devices"]

    assert run["status"] == "succeeded"
    assert told_now["published_at"] > before
    assert told_now["totals"]["total_changes"] == sum(kind["changes"] for kind in told_now["by_entity"]) > 0
    assert [one["score"] for one in devices] == sorted(one["score"] for one in devices)


@pytest.mark.parametrize("part", ["postgres", "api", "serving", "mlflow", "dagster", "daemon", "code"])
def test_a_killed_part_comes_back_and_nothing_is_lost(machine: Machine, told: str, part: str) -> None:
    before = machine.counts()
    os.kill(pid_of(machine, part), 9)
    machine.foresync("up", "--detach")

    assert machine.status()["running"]
    assert [found["problem"] for found in machine.status()["parts"]] == [None] * len(machine.status()["parts"])
    assert machine.counts() == before


def test_a_killed_process_manager_is_replaced_and_nothing_is_lost(machine: Machine, told: str) -> None:
    before = machine.counts()
    manager = psutil.Process(pid_of(machine, "postgres")).parent()
    assert manager is not None
    manager.kill()
    machine.foresync("up", "--detach")

    assert machine.counts() == before
    assert champion(machine) is not None


def champion(machine: Machine) -> str | None:
    """The version that the prediction server serves; waits until it answers."""
    variables = machine.variables()
    token = machine.foresync("token", "--tenant", "jupyter-notebook", "--user", "tester").strip()
    for _ in range(60):
        answer = httpx.get(
            f"{variables['FORESYNC_SERVING_URL']}/model", headers={"Authorization": f"Bearer {token}"}, timeout=10
        )
        if answer.is_success and answer.json()["version"]:
            return str(answer.json()["version"])
        time.sleep(0.5)
    return None


def pid_of(machine: Machine, part: str) -> int:
    return next(int(found["pid"]) for found in machine.status()["parts"] if found["name"] == part)
