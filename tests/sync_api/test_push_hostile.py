"""What nobody should send: each poisoned change is refused alone, each poisoned body as a whole, nothing is a 500."""

import gzip
import json

import pytest
import zstandard

from tests.sync_api.running import Tenant, change

POISON = {
    "NaN": '{"a": NaN}',
    "infinity": '{"a": -Infinity}',
    "a number that overflows": '{"a": 1e100000}',
    "an integer beyond 64 bits": '{"a": 123456789012345678901234567890}',
    "an endless integer": '{"a": ' + "9" * 10_000 + "}",
    "NUL": '{"a": "x\\u0000y"}',
    "NUL in a nested key": '{"a": {"x\\u0000y": 1}}',
    "NUL in a field's name": '{"x\\u0000y": 1}',
    "a lone high surrogate": '{"a": "x\\ud800y"}',
    "a lone low surrogate": '{"a": ["\\udc00"]}',
    "a depth that breaks parsers": '{"a": ' + "[" * 50_000 + "]" * 50_000 + "}",
    "more depth than is any use": '{"a": ' + "[" * 50 + "]" * 50 + "}",
    "too many fields": json.dumps({f"f{n}": n for n in range(3_000)}),
    "too many values": json.dumps({"a": list(range(30_000))}),
    "a field of ours": '{"_deleted": true}',
    "an empty name": '{"": 1}',
    "a control character in a name": '{"a\\u001fb": 1}',
    "data that is a list": "[1]",
}


@pytest.mark.parametrize("data", POISON.values(), ids=POISON.keys())
async def test_a_poisoned_change_is_refused_alone(tenant: Tenant, data: str) -> None:
    good = [json.dumps(change("create", data={"title": "A"})) for _ in range(2)]
    bad = json.dumps(change("create", offline_id="bad")).replace("}", f', "data": {data}}}')
    body = json.dumps(tenant.device("ann").envelope()).replace("[]", f"[{good[0]}, {bad}, {good[1]}]")
    answer = await tenant.device("ann").post(content=body)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["summary"] == {"applied": 2, "conflicts": 0, "rejected": 1, "replayed": 0}
    (refused,) = told["rejected"]
    assert (refused["offline_id"], refused["reason"], refused["retryable"]) == ("bad", "validation_error", False)


async def test_bytes_that_are_no_text_poison_one_change(tenant: Tenant) -> None:
    good = json.dumps(change("create", data={"title": "A"})).encode()
    bad = json.dumps(change("create", data={"title": "XX"})).encode().replace(b"XX", b"\xff\xfe")
    body = json.dumps(tenant.device("ann").envelope()).encode().replace(b"[]", b"[%b, %b]" % (good, bad))
    told = (await tenant.device("ann").post(content=body)).json()
    assert (told["summary"]["applied"], told["summary"]["rejected"]) == (1, 1)


@pytest.mark.parametrize(
    "broken",
    [
        {"op": "destroy"}, {"client_version": "five"}, {"client_version": -1}, {"client_version": 2**40},
        {"edited_at": "yesterday"}, {"edited_at": "2026-01-01T00:00:00"}, {"edit_id": "no uuid"}, {"entity": ""},
        {"offline_id": ""}, {"offline_id": "x" * 300}, {"offline_id": "a\x00b"}, {"server_id": "\udc00"}, {"data": 5},
    ],
    ids=str,
)  # fmt: skip
async def test_a_change_of_the_wrong_shape_is_refused_alone(tenant: Tenant, broken: dict[str, object]) -> None:
    answer = await tenant.device("ann").post(
        content=json.dumps(
            tenant.device("ann").envelope(change("create", data={"n": 1}) | broken, change("create", data={"n": 2}))
        )
    )
    assert answer.status_code == 200, answer.text
    assert (answer.json()["summary"]["applied"], answer.json()["summary"]["rejected"]) == (1, 1)


async def test_extreme_edit_times_are_survived(tenant: Tenant) -> None:
    for client_time, edited_at in [
        ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
        ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
    ]:
        answer = await tenant.device("ann").post(
            json={"device_id": "d", "client_time": client_time,
                  "changes": [change("create", data={"n": 1}, edited_at=edited_at)]}
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        assert answer.json()["summary"]["applied"] == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "json_malformed"),
        (b"{", 400, "json_malformed"),
        (b"[]", 422, "validation_error"),
        (b'{"changes": []}', 422, "validation_error"),
        (b'{"device_id": "d", "client_time": "2026-01-01T00:00:00Z", "changes": {}}', 422, "validation_error"),
        (b'{"device_id": "d\\u0000", "client_time": "2026-01-01T00:00:00Z"}', 422, "validation_error"),
        (b"[" * 100_000, 400, "json_malformed"),
    ],
)
async def test_a_body_that_is_no_push_is_a_problem(tenant: Tenant, body: bytes, status: int, code: str) -> None:
    answer = await tenant.device("ann").post(content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_more_changes_than_a_push_may_hold(tenant: Tenant) -> None:
    body = tenant.device("ann").envelope(*(change("create", data={}) for _ in range(1001)))
    assert (await tenant.device("ann").post(json=body)).status_code == 422


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_compressed_bodies_are_understood_and_bombs_are_not(tenant: Tenant, encoding: str) -> None:
    squeeze = gzip.compress if encoding == "gzip" else zstandard.compress
    ann = tenant.device("ann")

    async def send(body: bytes) -> int:
        answer = await tenant.http.post(
            "/api/v1/sync/push",
            headers={**tenant.headers("ann"), "Content-Encoding": encoding},
            content=body,
        )
        return answer.status_code

    assert await send(squeeze(json.dumps(ann.envelope(change("create", data={"n": 1}))).encode())) == 200
    assert await send(squeeze(b" " * 100_000_000)) == 413
    assert await send(squeeze(b"{}" * 1000)[:-8]) == 400
    assert await send(b"not compressed at all") == 400


async def test_a_large_body_is_too_large_compressed_or_not(tenant: Tenant) -> None:
    answer = await tenant.device("ann").post(content=b" " * 3_000_000)
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (413, "body_too_large", False)


async def test_answers_are_compressed_when_they_are_long_enough(tenant: Tenant) -> None:
    few = await tenant.device("ann").post(json=tenant.device("ann").envelope())
    many = await tenant.device("ann").post(
        json=tenant.device("ann").envelope(*(change("create", data={"n": n}) for n in range(30)))
    )
    assert "content-encoding" not in few.headers
    assert many.headers["content-encoding"] == "gzip"
