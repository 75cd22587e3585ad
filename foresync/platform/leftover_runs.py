"""Dagster runs whose process died with the platform: nobody else would end them, and they would hold their slots."""

import time
from threading import Event

import httpx

from foresync.platform.state import PlatformError

RUNS = """query Left($before: Float!) {
  runsOrError(filter: {statuses: [STARTING, STARTED, CANCELING], updatedBefore: $before}) {
    __typename ... on Runs { results { runId } } } }"""

CANCEL = """mutation Cancel($runs: [String!]!) {
  terminateRuns(runIds: $runs, terminatePolicy: MARK_AS_CANCELED_IMMEDIATELY) { __typename } }"""


def cancel_leftover_runs(url: str, _stop: Event) -> None:
    """Mark as cancelled what was under way before now. Called when no process of an earlier start lives any more."""
    left = _ask(url, RUNS, {"before": time.time()})["runsOrError"].get("results", [])
    if left:
        _ask(url, CANCEL, {"runs": [run["runId"] for run in left]})


def _ask(url: str, query: str, variables: dict[str, object]) -> dict[str, dict[str, list[dict[str, str]]]]:
    try:
        answer = httpx.post(f"{url}/graphql", json={"query": query, "variables": variables}, timeout=60)
        answer.raise_for_status()
        data: dict[str, dict[str, list[dict[str, str]]]] = answer.json()["data"]
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise PlatformError(f"Dagster does not tell its runs: {error}") from None
    return data
