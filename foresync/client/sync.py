"""The sync API's calls, one method each. Retrying is the transport's, holding unsent changes the queue's."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

from foresync.client.answers import Anchor, ChangesPage, ImportResult, Json, Policy, PushAnswer, parse_import_result
from foresync.client.checking import CheckAnswer, asked
from foresync.client.retry import Retry
from foresync.client.settling import ConflictPage, Edit, Resolution
from foresync.client.stream import StreamEvent, listen
from foresync.client.transport import Token, Transport

Body = Mapping[str, Any]


class SyncClient:
    """A connection to one server as one user. Not for use from several threads at once.

    `token` is a bearer token, or a callable that gives a current one. `timeout` is seconds per attempt. Every method
    raises `SyncError`: `UnreachableError` where no answer came, a kind of `ApiError` where the server said no.
    """

    def __init__(self, url: str, token: Token, *, timeout: float = 60.0, retry: Retry | None = None) -> None:
        self._retry = retry or Retry()
        self._transport = Transport(url, token, timeout=timeout, retry=self._retry)

    def __enter__(self) -> "SyncClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    @property
    def recommended_batch_size(self) -> int | None:
        """How many changes the server would like in a push, once it has said."""
        return self._transport.recommended_batch_size

    def push(
        self,
        device_id: str,
        changes: Sequence[Body],
        *,
        client_time: datetime | None = None,
        network_type: str | None = None,
        sync_session_id: str | None = None,
    ) -> PushAnswer:
        """Send changes: one verdict for each. The same ones sent again get the same verdicts."""
        envelope = _envelope(device_id, changes, client_time, network_type)
        if sync_session_id is not None:
            envelope["sync_session_id"] = sync_session_id
        return PushAnswer.parse(self._transport.request("POST", "/api/v1/sync/push", envelope))

    def check(
        self,
        device_id: str,
        changes: Sequence[Body],
        *,
        reveal: Collection[str] = (),
        exact: bool = False,
        client_time: datetime | None = None,
        network_type: str | None = None,
    ) -> CheckAnswer:
        """What these changes, at most a thousand, would be told in one push now. Values are sent as hashes, except of
        the fields to `reveal`. `exact` asks again, with the values of those fields alone that the answer depends on."""
        shown = {str(change["offline_id"]): set(reveal) for change in changes}
        while True:
            sent = [asked(change, shown[str(change["offline_id"])]) for change in changes]
            envelope = _envelope(device_id, sent, client_time, network_type)
            answer = CheckAnswer.parse(self._transport.request("POST", "/api/v1/sync/check", envelope))
            wanted = [(one.offline_id, name) for one in answer.changes for name in one.depends_on_value]
            if not exact or not wanted:
                return answer
            for offline_id, name in wanted:
                shown[offline_id].add(name)

    def changes(
        self,
        since: int = 0,
        *,
        entities: Sequence[str] | None = None,
        limit: int | None = None,
        epoch: str | None = None,
        begun: int | None = None,
    ) -> ChangesPage:
        """A page of what has changed after `since`, in commit order; read on from its `next` while it `has_more`, with
        its `epoch` and its `begun`.

        Raises `ResyncRequiredError` when that position can no longer be continued: read again from 0.
        """
        chosen = ",".join(entities) if entities else None
        asked = {"since": since, "entities": chosen, "limit": limit, "epoch": epoch, "begun": begun}
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        return ChangesPage.parse(self._transport.request("GET", f"/api/v1/sync/changes?{query}"))

    def listen(self, since: int | None = None, *, epoch: str | None = None) -> Iterator[StreamEvent]:
        """What the server has to say, as it comes: pokes, conflicts of one's own, warnings about one's open edits,
        resyncs. Never ends by itself; opens the stream again when it breaks, and then hears at once what it missed.
        `since`: how far the feed has been read.

        Other calls may be made on the same client between two events.
        """
        return listen(self._transport, self._retry, since, epoch)

    def import_batch(self, items: Sequence[Body]) -> list[ImportResult]:
        """Send up to 500 pushes and presence events with times of their own (scope import): a result each, in order."""
        answer = self._transport.request("POST", "/api/v1/import/batch", {"items": list(items)})
        return [parse_import_result(result) for result in answer["results"]]

    def put_anchor(self, source_digest: str, anchor_at: datetime, mapping: Body) -> Anchor:
        """Fix a history's place in time. The first one stays: the answer is the anchor that holds."""
        body = {"anchor_at": anchor_at.isoformat(), "mapping": dict(mapping)}
        path = f"/api/v1/import/anchors/{quote(source_digest, safe='')}"
        return Anchor.parse(self._transport.request("PUT", path, body))

    def policy(self, entity: str) -> Policy:
        """The conflict policy in force for an entity type (`*`: the tenant's default)."""
        return Policy.parse(entity, self._transport.request("GET", _policy_path(entity)))

    def put_policy(self, entity: str, strategy: str) -> Policy:
        """Set the conflict policy for an entity type, or for `*` (scope admin)."""
        return Policy.parse(entity, self._transport.request("PUT", _policy_path(entity), {"strategy": strategy}))

    def conflicts(self, *, after: str | None = None, limit: int = 50, **filters: str) -> ConflictPage:
        """Conflicts, newest first: one's own, or with the scope operate everybody's. Filters: status, entity,
        entity_id, severity, detection, user, since."""
        query: dict[str, Any] = {**filters, "limit": limit}
        if after is not None:
            query["after"] = after
        return ConflictPage.parse(self._transport.request("GET", f"/api/v1/conflicts?{urlencode(query)}"))

    def conflict(self, conflict_id: str) -> Json:
        """Everything about a conflict: `fields` with base, mine and theirs, `server_version`, `history`."""
        answer: Json = self._transport.request("GET", _conflict_path(conflict_id))
        return answer

    def resolve(self, conflict_id: str, choice: str, *, expected_version: int, value: Body | None = None) -> Resolution:
        """Settle a conflict: keep_mine, use_server, merge (with `value` where the rules cannot tell) or discard.

        Where the record is no longer at `expected_version`, `InvalidRequestError` with the code conflict_moved, and the
        conflict as it stands now in `problem["conflict"]`. Changes that were blocked behind it may then be sent again.
        """
        body: Json = {"choice": choice, "expected_version": expected_version}
        if value is not None:
            body["value"] = dict(value)
        return Resolution.parse(self._transport.request("POST", f"{_conflict_path(conflict_id)}/resolve", body))

    def open_edit(
        self,
        device_id: str,
        entity: str,
        server_id: str,
        *,
        base_version: int | None = None,
        fields: Sequence[str] = (),
        expires_in: int | None = None,
    ) -> Edit:
        """Announce that somebody begins to edit a record. A change that carries its `edit_id` closes it."""
        body: Json = {"edit_id": str(uuid4()), "device_id": device_id, "entity": entity, "server_id": server_id}
        body |= _announced(base_version, fields, expires_in)
        return Edit.parse(self._transport.request("POST", "/api/v1/edits", body))

    def renew_edit(
        self,
        edit_id: str,
        *,
        base_version: int | None = None,
        fields: Sequence[str] = (),
        expires_in: int | None = None,
    ) -> Edit:
        """Keep an edit open, say what more it touches, hear the risk now."""
        body = _announced(base_version, fields, expires_in)
        return Edit.parse(self._transport.request("PUT", f"/api/v1/edits/{quote(edit_id, safe='')}", body))

    def close_edit(self, edit_id: str) -> Edit:
        """Say that an edit is over."""
        return Edit.parse(self._transport.request("DELETE", f"/api/v1/edits/{quote(edit_id, safe='')}"))

    def entity_types(self) -> Any:
        """The declarations of every entity type that this tenant may use, as the server lists them."""
        return self._transport.request("GET", "/api/v1/entity-types")

    def put_entity_type(self, name: str, declaration: Body) -> Any:
        """Declare an entity type of the tenant's own (scope admin); declaring it again replaces it."""
        path = f"/api/v1/entity-types/{quote(name, safe='')}"
        return self._transport.request("PUT", path, dict(declaration))


def _envelope(device_id: str, changes: Sequence[Body], client_time: datetime | None, network_type: str | None) -> Json:
    envelope: Json = {
        "device_id": device_id,
        "client_time": (client_time or datetime.now(UTC)).isoformat(),
        "changes": list(changes),
    }
    return envelope if network_type is None else envelope | {"network_type": network_type}


def _conflict_path(conflict_id: str) -> str:
    return f"/api/v1/conflicts/{quote(conflict_id, safe='')}"


def _announced(base_version: int | None, fields: Sequence[str], expires_in: int | None) -> Json:
    body: Json = {"fields": list(fields)}
    if base_version is not None:
        body["base_version"] = base_version
    if expires_in is not None:
        body["expires_in"] = expires_in
    return body


def _policy_path(entity: str) -> str:
    return f"/api/v1/policies/{quote(entity, safe='')}"
