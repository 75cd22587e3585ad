"""Whether a part does its work: each check answers None when it does, else what it saw.

Imports are inside: an address is asked for more often than a health.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from foresync import ports

if TYPE_CHECKING:
    from ssl import SSLContext

Check = Callable[[], str | None]

DAEMONS = "{ instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }"
LOCATIONS = """{ workspaceOrError { __typename ... on Workspace { locationEntries { loadStatus name
  locationOrLoadError { __typename ... on PythonError { message } } } } } }"""


def postgres(url: str) -> Check:
    def check() -> str | None:
        import psycopg

        try:
            psycopg.connect(url, connect_timeout=3).close()
        except psycopg.OperationalError as error:
            return str(error).strip().splitlines()[-1]
        return None

    return check


def answers(url: str) -> Check:
    """A GET answers below 400."""

    def check() -> str | None:
        import httpx

        try:
            status = httpx.get(url, timeout=5, verify=_tls()).status_code
        except httpx.HTTPError as error:
            return str(error) or type(error).__name__
        return None if status < 400 else f"{url} answers {status}"

    return check


def listens(port: int) -> Check:
    def check() -> str | None:
        return f"nobody listens on port {port}" if ports.is_free(port) else None

    return check


def dagster_loaded(url: str) -> Check:
    """The webserver answers, and every code location has been loaded without an error."""

    def check() -> str | None:
        answer = _graphql(url, LOCATIONS)
        if isinstance(answer, str):
            return answer
        for entry in answer["workspaceOrError"].get("locationEntries", []):
            located = entry["locationOrLoadError"]
            if entry["loadStatus"] != "LOADED" or located is None:
                return f"code location {entry['name']} is loading"
            if located["__typename"] == "PythonError":
                return f"code location {entry['name']} does not load: {located['message'].strip()}"
        return None

    return check


def dagster_daemons(url: str) -> Check:
    """Every daemon that this instance needs has a recent heartbeat, as the webserver sees it."""

    def check() -> str | None:
        answer = _graphql(url, DAEMONS)
        if isinstance(answer, str):
            return answer
        daemons = answer["instance"]["daemonHealth"]["allDaemonStatuses"]
        silent = [daemon["daemonType"] for daemon in daemons if daemon["required"] and not daemon["healthy"]]
        return f"no heartbeat from {', '.join(silent)}" if silent else None

    return check


def _graphql(url: str, query: str) -> dict[str, Any] | str:
    import httpx

    try:
        answer = httpx.post(f"{url}/graphql", json={"query": query}, timeout=10, verify=_tls())
        answer.raise_for_status()
        data: dict[str, Any] = answer.json()["data"]
    except (httpx.HTTPError, ValueError, KeyError) as error:
        return str(error) or type(error).__name__
    return data


@cache
def _tls() -> "SSLContext":
    """Made once: it takes longer than an answer does, and a part that starts is asked four times a second."""
    import ssl

    return ssl.create_default_context()
