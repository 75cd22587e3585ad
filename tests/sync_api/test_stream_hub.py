"""Bounded, however slow the reader; and nobody asks PostgreSQL anything while nobody listens."""

import asyncio
from uuid import UUID

import orjson

from sync_api.db.session import open_pool
from sync_api.db.tenants import ensure_tenant
from sync_api.edits.risk import RiskServer
from sync_api.stream import events
from sync_api.stream.hub import Hub, Limits
from sync_api.stream.listener import MOST_WAITING, Head, Listener, News
from sync_api.warnings.watch import Watch

EPOCH = UUID(int=1)


def standing(seq: int, feed: int | None = None) -> Head:
    return Head("t", EPOCH, seq, 0, seq if feed is None else feed)


def told(listener: Listener) -> tuple[list[tuple[str, dict[str, object]]], list[int]]:
    lines = listener.take().decode().splitlines()
    names = [line[7:] for line in lines if line.startswith("event: ")]
    data = [orjson.loads(line[6:]) for line in lines if line.startswith("data: ")]
    return list(zip(names, data, strict=True)), [int(line[4:]) for line in lines if line.startswith("id: ")]


def opened(n: int, seq: int, status: str = "open") -> News:
    return News("t", "u", seq, events.conflict(f"c{n}", "task", "r", status))


def test_whoever_reads_slowly_is_kept_one_poke_and_the_newest_word_on_each_conflict() -> None:
    listener = Listener("t", "u", standing(10))
    for seq in range(11, 1011):
        listener.move(standing(seq), [opened(seq % 7, seq, f"s{seq}")])
    listener.move(standing(1010), [opened(1, 1010, "told before")])
    news, ids = told(listener)
    assert [name for name, _ in news] == ["conflict"] * 7 + ["poke"]
    assert sorted(data["status"] for name, data in news if name == "conflict") == [f"s{n}" for n in range(1004, 1011)]
    assert news[-1][1] == {"head": 1010}
    assert ids == [1010]
    assert listener.take() == b""


def test_more_than_fits_is_one_word_that_some_were_missed() -> None:
    listener = Listener("t", "u", standing(10))
    for n in range(5 * MOST_WAITING):
        listener.move(standing(11 + n), [opened(n, 11 + n)])
    news, ids = told(listener)
    assert {name for name, _ in news} == {"resync", "poke"}
    assert ("resync", {"reason": "overrun"}) in news
    assert (len(news), ids) == (2, [10 + 5 * MOST_WAITING])
    listener.move(standing(1000), [opened(1, 1000)])
    assert [name for name, _ in told(listener)[0]] == ["conflict", "poke"]


def test_the_last_event_alone_carries_the_position() -> None:
    """Else a stream that breaks in between would have promised what it has not told."""
    sent = events.frames([events.conflict("c", "task", "r", "open"), events.poke(7)], 7)
    first, second, rest = sent.split(b"\n\n")
    assert (b"id:" in first, second.startswith(b"id: 7\nevent: poke\n"), rest) == (False, True, b"")


async def test_nobody_is_asked_while_nobody_listens(api_url: str, database_url: str, jwt_secret: str) -> None:
    ensure_tenant(database_url, "t")
    pool = open_pool(api_url, size=2)
    risk = RiskServer("http://127.0.0.1:9")
    hub = Hub(pool, Limits(poll=0.01), Watch(pool, risk, jwt_secret))
    assert not hub.is_polling
    listener = Listener("t", "u", standing(0))
    hub.join(listener)
    assert hub.is_polling
    hub.leave(listener)
    async with asyncio.timeout(20):
        while hub.is_polling:
            await asyncio.sleep(0.01)
    await hub.close()
    await risk.close()
    await pool.close()


def test_one_listener_that_has_joined_late_makes_nobody_hear_twice() -> None:
    first, late = Listener("t", "u", standing(5)), Listener("t", "u", standing(8))
    for listener in (first, late):
        listener.move(standing(9), [opened(1, 7), opened(2, 9)])
    assert [data.get("conflict_id") for _, data in told(first)[0]] == ["c1", "c2", None]
    assert [data.get("conflict_id") for _, data in told(late)[0]] == ["c2", None]
