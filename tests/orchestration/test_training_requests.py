"""The sensor and the weekly schedule, against Dagster's own records: who asks for a training, and how often."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.repository_definition import RepositoryDefinition
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.test_utils import create_run_for_test

from orchestration.lib.trainings import CHALLENGER, NEED, REASON
from orchestration.prepare import prepare

OVER = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


@pytest.fixture(scope="module")
def repository() -> RepositoryDefinition:
    prepare()
    from orchestration.definitions import defs

    return defs().get_repository_def()


class Daemon:
    """Asks the sensor as Dagster's daemon does: keeps its cursor, launches what it requests."""

    def __init__(self, repository: RepositoryDefinition, instance: dg.DagsterInstance) -> None:
        self.sensor = repository.get_sensor_def("training_when_needed")
        self.repository, self.instance, self.cursor = repository, instance, None

    def tick(self) -> list[str]:
        """The reasons of the runs that were launched."""
        context = dg.build_sensor_context(self.instance, self.cursor, repository_def=self.repository)
        said = self.sensor.evaluate_tick(context)
        self.cursor = said.cursor or self.cursor
        for request in said.run_requests or []:
            self.run("training_job", tags={**request.tags, "dagster/run_key": str(request.run_key)})
        return [request.tags[REASON] for request in said.run_requests or []]

    def run(self, job: str, status: dg.DagsterRunStatus = dg.DagsterRunStatus.QUEUED, **given: Any) -> dg.DagsterRun:
        """A run as it stands in Dagster's records."""
        origin = RemoteJobOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("foresync"), "repository"), job)
        return create_run_for_test(self.instance, job, status=status, remote_job_origin=origin, **given)

    def end(self, *, trained: bool) -> None:
        """Whatever runs has ended."""
        for run in self.instance.get_runs():
            if run.status not in OVER:
                self.instance.report_run_canceled(run)
        if trained:
            self.instance.report_runless_asset_event(dg.AssetMaterialization(CHALLENGER))

    def state(self, reason: str | None) -> None:
        """`training_need` was materialised."""
        facts = {} if reason is None else {"reason": reason}
        self.instance.report_runless_asset_event(dg.AssetMaterialization(NEED, metadata=facts))


@pytest.fixture
def daemon(repository: RepositoryDefinition, instance: dg.DagsterInstance) -> Daemon:
    return Daemon(repository, instance)


def test_nothing_is_asked_for_where_nothing_is_needed(daemon: Daemon) -> None:
    assert daemon.tick() == []
    daemon.state(None)
    assert daemon.tick() == []


@pytest.mark.parametrize("trained", [True, False])
def test_one_need_is_asked_for_once_and_a_later_one_again(daemon: Daemon, trained: bool) -> None:
    daemon.state("drift of a")
    assert daemon.tick() == ["drift of a"]
    assert daemon.tick() == []
    daemon.end(trained=trained)
    assert daemon.tick() == []
    daemon.state("drift of a")
    assert daemon.tick() == ["drift of a"]


@pytest.mark.parametrize("status", [s for s in dg.DagsterRunStatus if s not in OVER])
def test_not_while_a_training_waits_or_runs(daemon: Daemon, status: dg.DagsterRunStatus) -> None:
    daemon.run("main_job", status)
    daemon.state("drift of a")
    assert daemon.tick() == []


def test_what_had_to_wait_is_asked_for_afterwards_unless_the_other_run_has_trained(daemon: Daemon) -> None:
    for trained in (False, True):
        daemon.run("training_job")
        daemon.state("drift of a")
        assert daemon.tick() == []
        daemon.end(trained=trained)
        assert daemon.tick() == ([] if trained else ["drift of a"])
        daemon.end(trained=True)


@pytest.mark.parametrize(
    ("job", "assets", "trains"),
    [
        ("nightly_job", None, False),
        ("main_job", [NEED], False),
        ("__ASSET_JOB", [CHALLENGER], True),
    ],
)
def test_it_is_the_assets_of_a_run_that_say_whether_it_trains(
    daemon: Daemon, job: str, assets: list[dg.AssetKey] | None, trains: bool
) -> None:
    daemon.run(job, asset_selection=frozenset(assets) if assets else None)
    daemon.state("drift of a")
    assert daemon.tick() == ([] if trains else ["drift of a"])


def test_every_week_one_trains_whatever_is_needed_but_not_beside_another(daemon: Daemon) -> None:
    sunday = datetime(2026, 11, 22, 5, 15, tzinfo=UTC)
    weekly = daemon.repository.get_schedule_def("weekly_training")

    def asked() -> list[dg.RunRequest]:
        context = dg.build_schedule_context(daemon.instance, sunday, repository_def=daemon.repository)
        return list(weekly.evaluate_tick(context).run_requests or [])

    (request,) = asked()
    assert (request.run_key, request.tags[REASON]) == ("2026-11-22", "the training of the week")
    daemon.run("training_job")
    assert asked() == []
