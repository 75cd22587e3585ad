"""Dagster's GraphQL API, as much of it as launching a job and watching it takes. Knows nothing of which job."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from foresync.errors import PlainError

REPOSITORIES = """
query { repositoriesOrError { __typename
  ... on RepositoryConnection { nodes { name location { name } jobs { name } } }
  ... on PythonError { message } } }
"""

ASSET_GROUPS = "query { assetNodes { assetKey { path } groupName } }"

LAUNCH = """
mutation Launch($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename
  ... on LaunchRunSuccess { run { runId } }
  ... on RunConfigValidationInvalid { errors { message } }
  ... on InvalidSubsetError { message }
  ... on UnauthorizedError { message }
  ... on PipelineNotFoundError { message }
  ... on PythonError { message } } }
"""

EVENTS = """
query Events($run: ID!, $cursor: String) {
  runOrError(runId: $run) { ... on Run { status } }
  logsForRun(runId: $run, afterCursor: $cursor, limit: 500) { __typename
    ... on EventConnection { cursor hasMore events { __typename
      ... on MessageEvent { message timestamp stepKey level }
      ... on MaterializationEvent { assetKey { path } partition metadataEntries { label
        ... on IntMetadataEntry { intValue } ... on FloatMetadataEntry { floatValue }
        ... on TextMetadataEntry { text } ... on UrlMetadataEntry { url } ... on BoolMetadataEntry { boolValue } } }
      ... on AssetCheckEvaluationEvent { evaluation { checkName success severity assetKey { path } } }
      ... on ExecutionStepFailureEvent { error { message } }
      ... on RunFailureEvent { error { message } } } }
    ... on PythonError { message } } }
"""

ENDED = {"SUCCESS", "FAILURE", "CANCELED"}


PATIENCE_SECONDS = 180  # a restarting webserver loads its code again before it answers


class DagsterError(PlainError):
    """Dagster refused a request, is away for too long, or a run did not end well; says what Dagster said."""


@dataclass(frozen=True)
class Event:
    """One entry of a run's event log. Materialisations fill `metadata`, checks `success` and `severity`."""

    kind: str
    message: str
    at: float
    step: str | None
    asset: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    check: str | None = None
    success: bool | None = None
    severity: str | None = None


class DagsterClient:
    """Speaks to one Dagster webserver, and waits for it while it restarts. Raises `DagsterError`."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=60)

    def launch(self, job: str, tags: dict[str, str]) -> str:
        """Launch `job` and return the run's id."""
        params = {
            "selector": self._selector(job),
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }
        launched = self._query(LAUNCH, {"params": params})["launchRun"]
        if launched["__typename"] != "LaunchRunSuccess":
            errors = [launched.get("message", "")] + [error["message"] for error in launched.get("errors", [])]
            raise DagsterError(f"{job} was not launched: {'; '.join(filter(None, errors))}")
        return str(launched["run"]["runId"])

    def watch(self, run_id: str, poll_seconds: float = 0.5) -> Iterator[Event]:
        """Yield the run's events as they come, until it has ended.

        Raises:
            DagsterError: the run failed or was cancelled; says the first error of its log.
        """
        cursor, first_error = None, ""
        while True:
            page = self._query(EVENTS, {"run": run_id, "cursor": cursor})
            status, logs = page["runOrError"].get("status"), page["logsForRun"]
            if logs["__typename"] != "EventConnection":
                raise DagsterError(logs.get("message", f"no log of run {run_id}"))
            cursor = logs["cursor"]
            for event in logs["events"]:
                if not first_error and event.get("error"):
                    first_error = str(event["error"]["message"])
                yield _event(event)
            if not logs["hasMore"]:
                if status in ENDED:
                    break
                time.sleep(poll_seconds)
        if status != "SUCCESS":
            raise DagsterError(f"run {run_id} ended as {status}: {first_error.strip()}")

    def asset_groups(self) -> dict[str, str]:
        """Asset key (joined by `/`) → the name of its group."""
        nodes = self._query(ASSET_GROUPS, {})["assetNodes"]
        return {"/".join(node["assetKey"]["path"]): node["groupName"] for node in nodes}

    def _selector(self, job: str) -> dict[str, str]:
        repositories = self._query(REPOSITORIES, {})["repositoriesOrError"]
        for repository in repositories.get("nodes", []):
            if any(each["name"] == job for each in repository["jobs"]):
                return {
                    "repositoryName": repository["name"],
                    "repositoryLocationName": repository["location"]["name"],
                    "pipelineName": job,
                }
        raise DagsterError(
            repositories.get("message") or f"no code location has a job named {job}; see Deployment in the UI"
        )

    def _query(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        body = self._post({"query": query, "variables": variables}).json()
        if body.get("errors"):
            raise DagsterError("; ".join(error["message"] for error in body["errors"]))
        return dict(body["data"])

    def _post(self, question: dict[str, Any]) -> httpx.Response:
        """The answer to a question. One that was perhaps heard is asked again only if it changes nothing."""
        is_safe = question["query"].lstrip().startswith("query")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self._http.post("/graphql", json=question).raise_for_status()
            except httpx.HTTPError as error:
                unheard = isinstance(error, httpx.ConnectError)
                if not (is_safe or unheard) or time.monotonic() > deadline:
                    raise DagsterError(f"Dagster at {self._http.base_url} does not answer: {error!r}") from error
                time.sleep(1)


def _event(event: dict[str, Any]) -> Event:
    metadata = {
        entry["label"]: value
        for entry in event.get("metadataEntries", [])
        for name in ("intValue", "floatValue", "text", "url", "boolValue")
        if (value := entry.get(name)) is not None
    }
    evaluation = event.get("evaluation") or {}
    asset = event.get("assetKey") or evaluation.get("assetKey")
    return Event(
        kind=event["__typename"],
        message=event.get("message", ""),
        at=float(event.get("timestamp", 0)) / 1000,
        step=event.get("stepKey"),
        asset="/".join(asset["path"]) if asset else None,
        metadata=metadata,
        check=evaluation.get("checkName"),
        success=evaluation.get("success"),
        severity=evaluation.get("severity"),
    )
