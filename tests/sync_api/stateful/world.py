"""The types that the simulated devices edit, what they may write, and how all of it is sent to a real server."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import anyio
import httpx
from hypothesis import strategies as st

from foresync.client.checking import asked
from tests.sync_api.running import running
from tests.sync_api.stateful.model import Author, Kind, Sent

STAGES = ["a", "b", "c", "d"]
LEVELS = ["low", "high", "urgent"]
THING = {
    "policy": "most_recent_wins",
    "fields": {
        "name": "string",
        "note": {"type": "string", "rule": "last_write_wins"},
        "tags": {"type": "list", "rule": "set_merge"},
        "is_done": {"type": "boolean", "rule": "true_wins"},
        "stage": {"type": "string", "rule": "monotonic", "order": STAGES},
        "most": {"type": "integer", "rule": "max"},
        "least": {"type": "integer", "rule": "min"},
        "sealed": {"type": "string", "rule": "manual", "safety": True},
        "level": "string",
    },
    "escalation": {"field": "level", "order": LEVELS, "from": "urgent"},
}
STATUSES = {"assigned": ["isolated"], "isolated": ["verified", "assigned"], "verified": ["deisolated"]}
THING_KIND = Kind(
    "most_recent_wins",
    rules={n: f["rule"] for n, f in THING["fields"].items() if isinstance(f, dict)},  # type: ignore[attr-defined]
    orders={"stage": STAGES, "level": LEVELS},
    safety=frozenset({"sealed"}),
    escalation="level",
    escalated=frozenset({"urgent"}),
)
ISOLATION_KIND = Kind(
    "field_merge",
    rules={"label": "last_write_wins", "notes": "last_write_wins", "is_locked": "true_wins"},
    safety=frozenset({"status", "is_locked"}),
    status="status",
    steps=STATUSES,
)
KINDS = {"thing": THING_KIND, "isolation_point": ISOLATION_KIND, "gas_reading": Kind("append_only")}

_words = st.sampled_from(["x", "y", "z"])
_small = st.integers(0, 3)
_fields = {
    "thing": {
        "name": _words,
        "note": _words,
        "tags": st.lists(st.sampled_from("pqr"), unique=True, max_size=3),
        "is_done": st.booleans(),
        "stage": st.sampled_from(STAGES),
        "most": _small,
        "least": _small,
        "sealed": _words,
        "level": st.sampled_from([*LEVELS, "odd"]),
        "undeclared": _words,
    },
    "isolation_point": {
        "label": _words,
        "notes": _words,
        "is_locked": st.booleans(),
        "status": st.sampled_from([*STATUSES, "deisolated"]),
        "permit_id": _words,
    },
    "gas_reading": {"oxygen_pct": _small},
}
_ops = ["update", "update", "update", "create", "delete", "append"]
ops = {
    "thing": st.sampled_from(_ops),
    "isolation_point": st.sampled_from([*_ops, "update_status", "update_status"]),
    "gas_reading": st.sampled_from(["append", "create", "update"]),
}
data = {
    entity: st.dictionaries(st.sampled_from(sorted(fields)), st.none(), min_size=0, max_size=4).flatmap(
        lambda chosen, fields=fields: st.fixed_dictionaries(
            {n: st.one_of(fields[n], fields[n], st.none()) for n in chosen}
        )  # type: ignore[misc]
    )
    for entity, fields in _fields.items()
}
policies = st.fixed_dictionaries(
    {
        "strategy": st.sampled_from(
            ["client_wins", "server_wins", "most_recent_wins", "preserve_escalation", "field_merge", "manual"]
        ),
        "field_rules": st.dictionaries(
            st.sampled_from(["name", "label", "most"]),
            st.sampled_from(["last_write_wins", "manual", "min"]),
            max_size=2,
        ),
        "auto_resolve": st.sampled_from([True, True, True, False]),
        "mode": st.sampled_from(["enforce", "enforce", "enforce", "shadow"]),
    }
)


@contextmanager
def server_in_a_thread(api_url: str, secret: str, **settings: Any) -> Iterator[str]:
    """A server with an event loop of its own, for clients that block."""
    started, done = threading.Event(), threading.Event()
    address: list[str] = []

    async def serve() -> None:
        async with running(api_url, secret, **settings) as url:
            address.append(url)
            started.set()
            await anyio.to_thread.run_sync(done.wait)

    thread = threading.Thread(target=anyio.run, args=(serve,))
    thread.start()
    try:
        assert started.wait(60), "the server did not start"
        yield address[0]
    finally:
        done.set()
        thread.join(60)


class Wire:
    """Pushes as a user, and reads the answer back as the model would put it."""

    def __init__(self, http: httpx.Client, headers: dict[str, str]) -> None:
        self.http = http
        self.headers = headers

    def push(self, author: Author, client_time: datetime, changes: list[Sent]) -> tuple[datetime, list[dict[str, Any]]]:
        """When the server took it, and the verdicts in the order of the changes."""
        body = {"device_id": author[1], "client_time": client_time.isoformat(), "changes": [_sent(c) for c in changes]}
        answer = self.http.post("/api/v1/sync/push", headers=self.headers, json=body)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        queues = {name: iter(told[name]) for name in ("applied", "conflicts", "rejected")}
        items = {(name, i["entity"], i["offline_id"]): i for name, queue in queues.items() for i in queue}
        assert sum(map(len, (told[name] for name in queues))) == len(changes) == len(items)
        ordered = [
            next((n, items[n, c.key[0], c.offline_id]) for n in queues if (n, c.key[0], c.offline_id) in items)
            for c in changes
        ]
        return datetime.fromisoformat(told["server_time"]), [_told(*one) for one in ordered]

    def check(
        self, author: Author, client_time: datetime, changes: list[Sent]
    ) -> tuple[datetime, list[dict[str, Any]]]:
        """When the server was asked what it would say, and what it said, by hashes alone."""
        hashed = [asked(_sent(c)) for c in changes]
        if len(changes) % 2:  # every other queue does not say what kinds of values it holds
            hashed = [{name: value for name, value in one.items() if name != "types"} for one in hashed]
        body = {"device_id": author[1], "client_time": client_time.isoformat(), "changes": hashed}
        answer = self.http.post("/api/v1/sync/check", headers=self.headers, json=body)
        assert answer.status_code == 200, answer.text
        return datetime.fromisoformat(answer.json()["server_time"]), answer.json()["changes"]


def _sent(change: Sent) -> dict[str, Any]:
    return {
        "entity": change.key[0],
        "op": change.op,
        "server_id": change.key[1],
        "offline_id": change.offline_id,
        "client_version": change.version,
        "edited_at": change.edited_at.isoformat(),
        "data": change.data,
        "base": change.base,
    }


def _told(verdicts: str, item: dict[str, Any]) -> dict[str, Any]:
    told = {"list": verdicts} | {n: item[n] for n in ("entity", "offline_id")}
    if verdicts == "rejected":
        return told | {"reason": item["reason"]}
    told["server_id"] = item["server_id"]
    if item.get("conflict_id"):
        told |= {"conflict": True, "reason": item["reason"]}
    if verdicts == "applied":
        return told | {name: item[name] for name in ("status", "new_version", "record")}
    fields = {n: {side: f[side] for side in ("base", "client", "server")} for n, f in item["fields"].items()}
    names = ("severity", "client_version", "server_version", "server_state")
    return told | {"fields": fields} | {name: item[name] for name in names}


def checked(item: dict[str, Any]) -> dict[str, Any]:
    """An exact answer to a check, as far as a push says the same."""
    told = {name: item[name] for name in ("entity", "offline_id", "verdict", "reason")}
    if item["verdict"] == "conflict":
        told |= {"severity": item["severity"], "fields": set(item["fields"])}
    return told


def possible(item: dict[str, Any]) -> set[tuple[str, str | None]]:
    """Every verdict, with its reason, that an answer allows for."""
    return {(one["verdict"], one["reason"]) for one in (item, *item["otherwise"])}


def expected(verdict: dict[str, Any]) -> dict[str, Any]:
    """The same of a push's verdict."""
    told = {name: verdict.get(name) for name in ("entity", "offline_id", "reason")}
    if verdict["list"] == "conflicts":
        return told | {"verdict": "conflict", "severity": verdict["severity"], "fields": set(verdict["fields"])}
    return told | {"verdict": verdict.get("status", "rejected")}
