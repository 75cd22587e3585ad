"""A replay from file to ledger: anchor, plan, requests one at a time, answers. Showing it is the command's."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from foresync.client import ApiError, PushResult, Retry, SyncClient
from foresync.replay.answers import Answers
from foresync.replay.history import History, read
from foresync.replay.items import Items
from foresync.replay.ledger import Ledger, Tally
from foresync.replay.memory import Memory
from foresync.replay.pace import Pace
from foresync.replay.plan import PushStep, Step, plan
from foresync.replay.requests import requests
from foresync.replay.times import DAYS, TimeMap, to_datetime

SCOPES = ("sync", "import", "admin")

# long enough to sit out a restart of the server
PATIENCE = Retry(attempts=12, first=0.5, longest=15.0)


class ReplayError(ValueError):
    """The replay cannot be done as asked; the text says why and what would help."""


class Watcher(Protocol):
    """Is told how far the replay has come."""

    def begin(self, changes: int) -> None: ...

    def advance(self, changes: int) -> None: ...


class Unwatched:
    """Nobody looks."""

    def begin(self, changes: int) -> None: ...

    def advance(self, changes: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Options:
    """What a replay is made of. `speed` None: as fast as answers come; `policy` None: the tenant's own, untouched."""

    speed: float | None = None
    presence_share: float = 0.5
    seed: int = 0
    keep_times: bool = False
    policy: str | None = "client_wins"


def replay(
    path: Path,
    *,
    url: str,
    tenant: str,
    token: str,
    home: Path,
    options: Options | None = None,
    watcher: Watcher | None = None,
) -> Ledger:
    """Push the history in `path` through the HTTP API at `url` as `tenant`, and say what it came to.

    The token needs the scopes in SCOPES. Safe to repeat and to interrupt: what was answered before is answered
    again from the stored answers. Raises HistoryError, ReplayError, or SyncError where the server cannot be reached.
    """
    history = read(path)
    options = options or Options()
    with SyncClient(url, token, timeout=300.0, retry=PATIENCE) as client:
        _prepare(client, tenant, history, options.policy)
        anchor_at, mapping = _anchor(client, history, options)
        memory = Memory(home, url, tenant, history.digest)
        remembered = memory.begin({"anchor_at": anchor_at.isoformat(), "mapping": mapping})
        try:
            times = TimeMap.of(history.span, anchor_at, mapping)
            sender = _Sender(client, tenant, history, times, Answers(history.pushes, remembered), memory)
            return sender.run(options, watcher or Unwatched())
        finally:
            memory.close()


def _prepare(client: SyncClient, tenant: str, history: History, policy: str | None) -> None:
    known = {declared["name"] for declared in client.entity_types()["entity_types"]}
    if missing := history.entity_types - known:
        raise ReplayError(
            f"tenant {tenant} has no entity type {', '.join(sorted(missing))}; declare them first: "
            "foresync entity-types load FILE"
        )
    if policy is not None and _default_strategy(client) != policy:
        client.put_policy("*", policy)


def _default_strategy(client: SyncClient) -> str | None:
    try:
        return client.policy("*").strategy
    except ApiError as error:
        if error.code == "policy_not_found":
            return None
        raise


def _anchor(client: SyncClient, history: History, options: Options) -> tuple[datetime, dict[str, Any]]:
    """The stored anchor, or ours if there was none. Announced edits are part of the changes, and so fixed with it."""
    first, last = (to_datetime(moment) for moment in history.span)
    mapping = {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "keep_times": options.keep_times,
        "days": DAYS,
        "presence_share": options.presence_share,
        "seed": options.seed,
    }
    now = datetime.now(UTC).replace(microsecond=0)
    anchor = client.put_anchor(history.digest, last if options.keep_times else now, mapping)
    differing = [f"{key} is {anchor.mapping.get(key)!r}" for key in mapping if anchor.mapping.get(key) != mapping[key]]
    if differing:
        raise ReplayError(
            "this tenant holds this history under other terms, and changes already answered cannot be sent otherwise: "
            + ", ".join(differing)
        )
    return anchor.anchor_at, anchor.mapping


class _Sender:
    """Sends the steps, one request at a time: the order of arrival is the order of the history."""

    def __init__(
        self,
        client: SyncClient,
        tenant: str,
        history: History,
        times: TimeMap,
        answers: Answers,
        memory: Memory,
    ) -> None:
        self._client = client
        self._tenant = tenant
        self._history = history
        self._times = times
        self._answers = answers
        self._memory = memory
        self._new_from = len(answers)
        self._tally = Tally()

    def run(self, options: Options, watcher: Watcher) -> Ledger:
        steps = plan(self._history, self._tenant, options.presence_share, options.seed)
        items = Items(self._tenant, self._times, self._answers)
        pace = Pace(options.speed, self._times(steps[0].at))
        watcher.begin(self._history.changes)
        began = time.monotonic()
        for request in requests(steps, self._answers.__len__, lambda step: pace.is_due(self._times(step.at))):
            pace.wait(self._times(request[-1].at))
            before = self._tally.counts["sent"]
            self._take(request, self._client.import_batch([items.render(step) for step in request]))
            watcher.advance(self._tally.counts["sent"] - before)
        return self._tally.close(self._tenant, time.monotonic() - began)

    def _take(self, request: list[Step], results: list[Any]) -> None:
        self._tally.request()
        for step, result in zip(request, results, strict=True):
            if isinstance(step, PushStep) and isinstance(result, PushResult):
                self._tally.push(result.answer)
                versions = self._answers.take(result.answer)
                if step.index >= self._new_from:
                    self._memory.add(versions)
            else:
                self._tally.presence(result.status)
        if self._new_from and not self._answers.remembers:
            self._memory.forget()
        self._memory.flush()
