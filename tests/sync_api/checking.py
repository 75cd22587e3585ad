"""Asking a real server what a push would be told, and holding it to what the push is told then."""

import json
from typing import Any

import httpx

from foresync.client.checking import asked
from tests.sync_api.running import Device


async def ask(device: Device, *changes: dict[str, Any], reveal: Any = (), types: bool = True) -> dict[str, Any]:
    """types: whether to say what kinds of values the hashes stand for."""
    queue = [asked(one, reveal) for one in changes]
    if not types:
        queue = [{name: value for name, value in one.items() if name != "types"} for one in queue]
    answer = await post(device, *queue)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def post(device: Device, *changes: dict[str, Any]) -> httpx.Response:
    headers = device.tenant.headers(device.user, ("sync",))
    body = json.dumps(device.envelope(*changes))  # also what httpx would not send
    return await device.tenant.http.post("/api/v1/sync/check", headers=headers, content=body)


async def one(device: Device, change: dict[str, Any], reveal: Any = ()) -> dict[str, Any]:
    (told,) = (await ask(device, change, reveal=reveal))["changes"]
    return dict(told)


async def agreed(device: Device, *changes: dict[str, Any], **how: Any) -> list[dict[str, Any]]:
    """The answer to a check, held to the push that follows: what it says for sure is what the push is told."""
    told = (await ask(device, *changes, **how))["changes"]
    answer = await device.push(*changes)
    verdicts = {(item["entity"], item["offline_id"]): _pushed(name, item) for name, item in _items(answer)}
    for item in told:
        if item["exact"]:
            assert checked(item) == verdicts[item["entity"], item["offline_id"]], item
    return list(told)


def pushed(answer: dict[str, Any]) -> tuple[Any, ...]:
    """The only verdict of a push, as a check would say it."""
    ((name, item),) = _items(answer)
    return _pushed(name, item)


def _items(answer: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(name, item) for name in ("applied", "conflicts", "rejected") for item in answer[name]]


def _pushed(name: str, item: dict[str, Any]) -> tuple[Any, ...]:
    kind = {"applied": item.get("status"), "conflicts": "conflict", "rejected": "rejected"}[name]
    return kind, item.get("reason"), item.get("severity")


def checked(told: dict[str, Any]) -> tuple[Any, ...]:
    return told["verdict"], told["reason"], told["severity"] if told["verdict"] == "conflict" else None
