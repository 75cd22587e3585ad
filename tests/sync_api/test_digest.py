"""The digest: anybody who holds the same records comes to the same hash, by the standard's own words."""

import hashlib
import json
import struct
from typing import Any

import pytest

from sync_api import canonical
from tests.sync_api.replica import Replica
from tests.sync_api.running import Tenant, change

AWKWARD = [
    0, -1, 1.0, 0.1, 1e-6, 1e-7, 1.5e300, 123456789.125, 2**53, 2**63 - 1, True, False, None, "", "ä€😀\u2028\u007f",
    'quo"te\\/\n\t\u0001', [], {}, [1, [2.50, {"z": None, "a": [True]}]], {"b": 1, "a": 2, "é": 3, "ﬀ": 4, "😀": 5},
]  # fmt: skip


def jcs(value: Any) -> str:
    """RFC 8785 once more, written from the standard and sharing nothing with the server but these values."""
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: struct.unpack(*_utf16(member[0])))
        return "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{jcs(v)}" for k, v in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(jcs, value)) + "]"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(float(value))
    return json.dumps(value, ensure_ascii=False)


def _utf16(text: str) -> tuple[str, bytes]:
    units = text.encode("utf-16-le")
    return f"<{len(units) // 2}H", units


def _number(value: float) -> str:
    """Only for the numbers above: no exponent between 1e-6 and 1e21, shortest digits."""
    if value == int(value) and abs(value) < 1e16:
        return str(int(value))
    text = repr(value)
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return text
    if int(exponent) == -6:
        return "0.000001"
    if 0 < int(exponent) < 21:
        return mantissa.replace(".", "").ljust(int(exponent) + 1, "0")
    return f"{mantissa}e{int(exponent):+d}"


@pytest.mark.parametrize("value", AWKWARD, ids=repr)
def test_a_value_is_spelt_as_the_standard_says(value: Any) -> None:
    assert canonical.encode(value).decode() == jcs(value)


def test_the_examples_of_the_standard() -> None:
    numbers = {
        333333333.33333329: "333333333.3333333", 1e30: "1e+30", 4.50: "4.5", 2e-3: "0.002", 1e-27: "1e-27",
        5e-324: "5e-324", 1.7976931348623157e308: "1.7976931348623157e+308", 9007199254740994.0: "9007199254740994",
        295147905179352830000.0: "295147905179352830000", -0.0: "0", 999999999999999900000.0: "999999999999999900000",
    }  # fmt: skip
    assert {value: canonical.encode(value).decode() for value in numbers} == numbers
    keys = {"€": 1, "\r": 2, "\ufb33": 3, "1": 4, "😀": 5, "\u0080": 6, "ö": 7}
    assert list(json.loads(canonical.encode(keys))) == ["\r", "1", "\u0080", "ö", "€", "😀", "\ufb33"]


async def test_a_replica_proves_itself_equal(tenant: Tenant) -> None:
    ann, reader = tenant.device("ann"), Replica(tenant)
    ids = ["b", "B", "a", "é", "Z", "ä", "😀", "ﬀ", "10", "9"]
    await ann.push(
        *(change("create", server_id=name, data={f"f{n}": v for n, v in enumerate(AWKWARD)} | {"x": name})
          for name in ids),
        change("create", "ticket", server_id="other", data={"a": 1}),
        change("create", server_id="gone", data={"a": 1}),
    )  # fmt: skip
    await ann.one(op="delete", server_id="gone", client_version=1)
    await ann.one(server_id="a", client_version=1, data={"x": "changed"})
    for _ in range(2):
        await reader.pull()
        mine = [{"id": name, **record} for (entity, name), record in reader.records.items() if entity == "task"]
        text = jcs(sorted(mine, key=lambda record: record["id"]))
        told = (await reader.get("/api/v1/sync/digest", entity="task")).json()
        assert (told["count"], told["seq"], told["epoch"]) == (len(ids), reader.next, reader.epoch)
        assert told["sha256"] == hashlib.sha256(text.encode()).hexdigest()
        await ann.one(server_id="b", data={"f0": told["sha256"]})
    await ann.one(server_id="b", data={"f0": 0})
    later = (await reader.get("/api/v1/sync/digest", entity="task")).json()
    assert later["sha256"] != told["sha256"]


async def test_nothing_has_a_digest_too(tenant: Tenant) -> None:
    answer = await Replica(tenant).get("/api/v1/sync/digest", entity="task")
    assert (answer.json()["count"], answer.json()["sha256"]) == (0, hashlib.sha256(b"[]").hexdigest())
    wrong = await Replica(tenant).get("/api/v1/sync/digest", entity="No such")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "validation_error")
    missing = await Replica(tenant).get("/api/v1/sync/digest")
    assert missing.status_code == 422


async def test_more_records_than_are_read_at_once(tenant: Tenant) -> None:
    reader = Replica(tenant, limit=2000)
    for start in (0, 600):
        await tenant.device("ann").push(
            *(change("create", server_id=f"r{n:04}", data={"n": n}) for n in range(start, start + 600))
        )
    await reader.pull()
    mine = [{"id": name, **record} for (_, name), record in reader.records.items()]
    told = (await reader.get("/api/v1/sync/digest", entity="task")).json()
    text = jcs(sorted(mine, key=lambda record: record["id"]))
    assert told["sha256"] == hashlib.sha256(text.encode()).hexdigest()
