"""The nightly run that lets go, and a device that has been away for longer than that."""

import warnings
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dagster as dg
import psycopg
import pytest

from foresync.client import ChangeQueue, PulledChange, ResyncRequiredError, SyncClient
from foresync.tenants import mint_token
from orchestration.prepare import prepare
from orchestration.settings import Settings
from tests.replay.conftest import server  # the sync API on this module's database

__all__ = ["server"]
TENANT = "away"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def run(instance: dg.DagsterInstance) -> dict[str, Any]:
    """The figures that the run shows."""
    prepare()
    from orchestration.definitions import defs

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = defs().resolve_job_def("retention_job").execute_in_process(instance=instance)
    (event,) = result.get_asset_materialization_events()
    return {name: value.value for name, value in event.materialization.metadata.items()}


class Phone:
    """A device: what it holds, how far it has read, what it has not sent."""

    def __init__(self, client: SyncClient, name: str) -> None:
        self.client, self.queue = client, ChangeQueue(name)
        self.held: dict[str, tuple[int | None, Any]] = {}
        self.since, self.epoch = 0, None

    def pull(self) -> None:
        begun = None
        while True:
            page = self.client.changes(self.since, limit=2, epoch=self.epoch, begun=begun)
            for change in page.changes:
                self._take(change)
            self.since, self.epoch, begun = page.next, page.epoch, page.begun
            if not page.has_more:
                return

    def start_over(self) -> None:
        self.held, self.since, self.epoch = {}, 0, None

    def _take(self, change: PulledChange) -> None:
        if change.op == "upsert":
            self.held[change.server_id] = (change.version, change.data)
        else:
            self.held.pop(change.server_id, None)


def days_pass(database_url: str, days: int) -> None:
    with psycopg.connect(database_url) as connection:
        ago = {"ago": timedelta(days=days)}
        connection.execute("UPDATE sync.clock_mark SET marked_at = marked_at - %(ago)s", ago)
        connection.execute("UPDATE sync.applied_change SET created_at = created_at - %(ago)s", ago)


def test_a_device_that_was_away_too_long_starts_over_keeps_its_work_and_comes_to_the_same(
    server: str,
    database_url: str,
    jwt_secret: str,
    environment: Settings,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORESYNC_RETENTION_DAYS", "30")
    scopes = ("sync", "admin")
    token = mint_token(
        database_url, jwt_secret, tenant=TENANT, user="ann", scopes=scopes, expires_in=timedelta(hours=1)
    )
    with SyncClient(server, token) as client:
        client.put_policy("task", "server_wins")
        away, desk = Phone(client, "away"), Phone(client, "desk")
        for n in range(7):
            desk.queue.add("task", "create", {"n": n}, server_id=f"r{n}")
        desk.queue.send(client)
        away.pull()
        assert len(away.held) == 7
        for n in range(3):
            desk.queue.add("task", "delete", {}, server_id=f"r{n}", client_version=1)
        desk.queue.send(client)
        desk.pull()

        assert run(instance)["horizons_moved"] == 0
        days_pass(database_url, 29)
        nothing = run(instance)
        assert (nothing["dagster/row_count"], nothing["retention_days"]) == (0, 30)
        days_pass(database_url, 2)
        gone = run(instance)
        again = run(instance)

        away.queue.add("task", "update", {"n": "late"}, server_id="r0", client_version=1)
        away.queue.add("task", "update", {"n": "late"}, server_id="r6", client_version=1)
        with pytest.raises(ResyncRequiredError):
            away.pull()
        assert len(away.queue) == 2
        away.start_over()
        away.pull()
        (answer,) = away.queue.send(client)
        for phone in (away, desk):
            phone.pull()

    assert {name: gone[name] for name in ("horizons_moved", "tombstones_emptied", "answers_forgotten")} == {
        "horizons_moved": 1, "tombstones_emptied": 3, "answers_forgotten": 10,
    }  # fmt: skip
    assert f"| {TENANT} | 0 | 10 | 3 | 0 |" in gone["horizons"]
    assert again["dagster/row_count"] == 0
    assert len(away.queue) == 0
    assert [(one.server_id, one.status, one.new_version) for one in answer.applied] == [
        ("r0", "merged", 2), ("r6", "applied", 2),
    ]  # fmt: skip
    assert away.held == desk.held
    assert away.held["r6"] == (2, {"n": "late"})
    assert away.held.keys() == {f"r{n}" for n in range(3, 7)}
