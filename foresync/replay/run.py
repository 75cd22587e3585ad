"""A replay from file to ledger: terms, plan, requests one at a time, answers. Showing it is the command's."""

import time
from pathlib import Path
from typing import Any, Protocol

from foresync.client import PushResult, Retry, SyncClient
from foresync.replay.answers import Answers
from foresync.replay.history import History, read
from foresync.replay.items import Items
from foresync.replay.ledger import Ledger, Tally
from foresync.replay.memory import Memory
from foresync.replay.pace import Pace
from foresync.replay.plan import PushStep, Step, plan
from foresync.replay.requests import requests
from foresync.replay.terms import Options, anchor, prepare
from foresync.replay.times import TimeMap

SCOPES = ("sync", "import", "admin")

# long enough to sit out a restart of the server
PATIENCE = Retry(attempts=12, first=0.5, longest=15.0)


class Watcher(Protocol):
    """Is told how far the replay has come."""

    def begin(self, changes: int) -> None: ...

    def advance(self, changes: int) -> None: ...


class Unwatched:
    """Nobody looks."""

    def begin(self, changes: int) -> None: ...

    def advance(self, changes: int) -> None: ...


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
        prepare(client, tenant, history, options.policy)
        anchor_at, mapping = anchor(client, history, options)
        memory = Memory(home, url, tenant, history.digest)
        remembered = memory.begin({"anchor_at": anchor_at.isoformat(), "mapping": mapping})
        try:
            times = TimeMap.of(history.span, anchor_at, mapping)
            sender = _Sender(client, tenant, history, times, Answers(history.pushes, remembered), memory)
            return sender.run(options, watcher or Unwatched())
        finally:
            memory.close()


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
