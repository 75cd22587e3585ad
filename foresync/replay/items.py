"""A step as an item of `POST /import/batch`: names, mapped times, and the base versions that the answers hold."""

from typing import Any

from foresync.replay import names
from foresync.replay.answers import Answers
from foresync.replay.history import Edit
from foresync.replay.plan import NONE, PresenceStep, PushStep, Step
from foresync.replay.times import TimeMap, to_datetime

Item = dict[str, Any]


class Items:
    """Renders the steps of one tenant's replay."""

    def __init__(self, tenant_id: str, times: TimeMap, answers: Answers) -> None:
        self._tenant_id = tenant_id
        self._times = times
        self._answers = answers

    def render(self, step: Step) -> Item:
        return self._push(step) if isinstance(step, PushStep) else self._presence(step)

    def _push(self, step: PushStep) -> Item:
        push = step.push
        received_at = self._moment(push.synced_at)
        return {
            "kind": "push",
            "user_id": names.user(push.user_id),
            "received_at": received_at,
            "push": {
                "device_id": names.device(push.user_id, push.push_id, push.is_merge),
                "client_time": received_at,
                "sync_session_id": names.session(push.push_id),
                "changes": [self._change(step, edit, base) for edit, base in zip(push.edits, step.bases, strict=True)],
            },
        }

    def _change(self, step: PushStep, edit: Edit, base: int) -> Item:
        push_id = step.push.push_id
        change: Item = {
            "entity": edit.entity_type,
            "op": _operation(edit, base),
            "offline_id": names.offline(push_id, edit.entity_id),
            "server_id": names.record(edit.entity_id),
            "client_version": self._answers.version(base, edit.entity_id),
            "edited_at": self._moment(edit.edited_at),
            "data": {} if edit.op == "delete" else _data(edit),
        }
        if edit.entity_id in step.announced:
            change["edit_id"] = names.edit(self._tenant_id, push_id, edit.entity_id)
        return change

    def _presence(self, step: PresenceStep) -> Item:
        push, edit, announcement = step.push, step.edit, step.announcement
        edit_id = names.edit(self._tenant_id, push.push_id, edit.entity_id)
        return {
            "kind": "presence",
            "id": names.event(edit_id, announcement.number),
            "edit_id": edit_id,
            "event": announcement.kind,
            "user_id": names.user(push.user_id),
            "device_id": names.device(push.user_id, push.push_id, push.is_merge),
            "entity": edit.entity_type,
            "entity_id": names.record(edit.entity_id),
            "base_version": self._answers.version(step.base, edit.entity_id),
            "fields": [names.field(number) for number in announcement.fields],
            "received_at": self._moment(announcement.at),
            "expires_at": None,
        }

    def _moment(self, at: int) -> str:
        return to_datetime(self._times(at)).isoformat()


def _operation(edit: Edit, base: int) -> str:
    """An update of a record that only left-out pushes had made is, to this server, its creation."""
    return "create" if edit.op == "update" and base == NONE else edit.op


def _data(edit: Edit) -> dict[str, str]:
    """Values are 64-bit hashes, and so strings: JSON readers may round such numbers."""
    return {names.field(number): str(value) for number, value in zip(edit.fields, edit.values, strict=True)}
