"""Asking Dagster, over its GraphQL API, to bring the published figures up to date. It is one job for all tenants."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from sync_api.analytics.schemas import RunStatus
from web.problems import Problem

JOB = "snapshot_job"
# what came in shortly before midnight may not have been copied yet
DAYS_AGAIN = timedelta(days=1)
PATIENCE_SECONDS = 20.0  # a webserver that has to look at its code location takes some seconds

STATUSES: dict[str, RunStatus] = {
    "SUCCESS": "succeeded",
    "FAILURE": "failed",
    "CANCELED": "cancelled",
    "CANCELING": "cancelled",
    "STARTED": "running",
}
UNDER_WAY = ["QUEUED", "NOT_STARTED", "STARTING", "STARTED"]

FIND = """
query Find($under_way: RunsFilter!) {
  repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } jobs { name } } } }
  runsOrError(filter: $under_way, limit: 1) { ... on Runs { results { runId status } } } }
"""

LAUNCH = """
mutation Launch($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename
  ... on LaunchRunSuccess { run { runId status } } ... on PythonError { message } } }
"""

LOOK = "query Look($run: ID!) { runOrError(runId: $run) { ... on Run { runId status jobName } } }"


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the job. is_new: this call has started it."""

    run_id: str
    status: RunStatus
    is_new: bool = False


class Dagster:
    """One Dagster webserver. Every method raises Problem 503 when it is away or does not know the job."""

    def __init__(self, url: str | None) -> None:
        self.url = (url or "").rstrip("/")
        self._http = httpx.AsyncClient(base_url=self.url, timeout=PATIENCE_SECONDS, trust_env=False)

    async def close(self) -> None:
        await self._http.aclose()

    async def start(self, asked_by: dict[str, str]) -> Run:
        """Launch the job over yesterday and today; the run that is under way instead, if there is one."""
        found = await self._ask(FIND, {"under_way": {"pipelineName": JOB, "statuses": UNDER_WAY}})
        for run in found["runsOrError"].get("results", []):
            return _told(run)
        today = datetime.now(UTC).date()
        tags = asked_by | {
            "dagster/asset_partition_range_start": (today - DAYS_AGAIN).isoformat(),
            "dagster/asset_partition_range_end": today.isoformat(),
        }
        params = {
            "selector": _selector(found["repositoriesOrError"].get("nodes", [])),
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }
        launched = (await self._ask(LAUNCH, {"params": params}))["launchRun"]
        if launched["__typename"] != "LaunchRunSuccess":
            raise _away(f"the job was not launched: {launched.get('message', launched['__typename'])}")
        return _told(launched["run"], is_new=True)

    async def look(self, run_id: str) -> Run | None:
        """How a run of the job is doing; None when there is no such run."""
        run = (await self._ask(LOOK, {"run": run_id}))["runOrError"]
        return _told(run) if run.get("jobName") == JOB else None

    async def _ask(self, question: str, variables: dict[str, Any]) -> dict[str, Any]:
        if not self.url:
            raise _away("FORESYNC_DAGSTER_URL is not set for the sync API")
        try:
            answer = await self._http.post("/graphql", json={"query": question, "variables": variables})
            body = answer.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise _away("Dagster does not answer") from error
        if not body.get("data") or body.get("errors"):
            raise _away("Dagster does not understand the question")
        return dict(body["data"])


def _selector(repositories: list[dict[str, Any]]) -> dict[str, str]:
    for repository in repositories:
        if any(job["name"] == JOB for job in repository["jobs"]):
            return {
                "repositoryName": repository["name"],
                "repositoryLocationName": repository["location"]["name"],
                "pipelineName": JOB,
            }
    raise _away(f"no code location of Dagster has a job named {JOB}")


def _told(run: dict[str, Any], *, is_new: bool = False) -> Run:
    return Run(run["runId"], STATUSES.get(run["status"], "queued"), is_new)


def _away(detail: str) -> Problem:
    return Problem(
        503, "orchestration_unavailable", "The figures cannot be brought up to date now", detail,
        retryable=True, headers={"Retry-After": "30"},
    )  # fmt: skip
