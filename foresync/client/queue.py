"""Changes that wait to be sent. A change leaves only with a verdict: no error, of whatever kind, empties the queue."""

import json
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from foresync.client.answers import Json, PushAnswer
from foresync.client.checking import CheckAnswer
from foresync.client.sync import SyncClient

MOST = 1000  # changes that the server takes at once
BATCH = 100  # changes per push, until the server recommends another number


class ChangeQueue:
    """One device's unsent changes, oldest first. `list(queue)` is plain JSON, for the app to keep with its state."""

    def __init__(self, device_id: str, pending: Iterable[Json] = ()) -> None:
        self.device_id = device_id
        self._pending: list[Json] = list(pending)

    def __len__(self) -> int:
        return len(self._pending)

    def __iter__(self) -> Iterator[Json]:
        return iter(self._pending)

    def add(self, entity: str, op: str, data: Json, *, server_id: str | None = None, **more: Any) -> str:
        """Queue a change and return its offline_id, which names it for ever: every attempt sends the same one.

        Raises ValueError or TypeError for what JSON cannot say, before it could block the queue.
        """
        change = {"entity": entity, "op": op, "offline_id": str(uuid.uuid4()), "server_id": server_id, "data": data}
        change |= more
        json.dumps(change, allow_nan=False)
        self._pending.append(change)
        return str(change["offline_id"])

    def check(self, client: SyncClient, *, exact: bool = False) -> CheckAnswer:
        """What the queue, or its first thousand changes, would be told if it were pushed in one go now."""
        return client.check(self.device_id, self._pending[:MOST], exact=exact)

    def send(self, client: SyncClient) -> list[PushAnswer]:
        """Push everything in order, a batch at a time.

        A batch's changes leave the queue when its answer has arrived, except those rejected as retryable. Where a
        request fails (`SyncError`), its changes and all later ones stay, and the next `send` begins with them.
        """
        answers = []
        done = 0  # changes with a verdict that stay, because they may be sent again
        while done < len(self._pending):
            size = client.recommended_batch_size or BATCH
            batch = self._pending[done : done + size]
            answer = client.push(self.device_id, batch)
            again = {(one.entity, one.offline_id) for one in answer.rejected if one.retryable}
            kept = [change for change in batch if (change["entity"], change["offline_id"]) in again]
            self._pending[done : done + len(batch)] = kept
            done += len(kept)
            answers.append(answer)
        return answers
