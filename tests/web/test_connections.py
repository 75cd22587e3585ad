"""Held connections: one that is lost is made again, and none of their places is ever lost with it."""

import asyncio

import asyncpg
import pytest

from web.connections import AWAY, Pool

SIZE = 2
END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tested'"


@pytest.fixture
async def pool(serving_url):
    made = Pool(serving_url, size=SIZE, patience=3, command_timeout=5, settings={"application_name": "tested"})
    yield made
    await made.close()


async def backend(pool: Pool) -> int:
    async with pool.held() as connection:
        return await connection.fetchval("SELECT pg_backend_pid()")


async def both_answer(pool: Pool) -> bool:
    try:
        async with pool.held() as one, pool.held() as other:
            return await one.fetchval("SELECT 1") == await other.fetchval("SELECT 1") == 1
    except AWAY:
        return False


async def test_a_connection_is_held_from_one_question_to_the_next(pool):
    assert len({await backend(pool) for _ in range(5)}) == 1


async def test_no_place_is_lost_whenever_the_server_ends_a_connection(pool, db):
    async def ask(pause: float) -> bool:
        await asyncio.sleep(pause)
        try:
            return await backend(pool) > 0
        except AWAY:
            return False

    for _ in range(25):
        asking = [ask(n / 4000) for n in range(12)]
        await asyncio.gather(db.execute(END_ALL), *asking)
    # the last of them may end after this
    async with asyncio.timeout(5):
        while not await both_answer(pool):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("error", [asyncio.CancelledError, TimeoutError, ConnectionResetError])
async def test_after_being_broken_off_another_connection_is_made(pool, error):
    before = await backend(pool)
    with pytest.raises(error):
        async with pool.held():
            raise error
    assert await backend(pool) != before


async def test_after_a_statement_that_is_refused_it_is_used_again(pool):
    before = await backend(pool)
    with pytest.raises(asyncpg.DataError):
        async with pool.held() as connection:
            await connection.fetchval("SELECT 1 / 0")
    assert await backend(pool) == before


async def test_a_transaction_that_is_left_open_is_nobody_elses(pool):
    before = await backend(pool)
    with pytest.raises(asyncpg.DataError):
        async with pool.held() as connection:
            await connection.execute("BEGIN")
            await connection.fetchval("SELECT 1 / 0")
    assert await backend(pool) != before


async def test_nobody_waits_for_ever(serving_url):
    pool = Pool(serving_url, size=SIZE, patience=0.05, command_timeout=5, settings={})
    async with pool.held(), pool.held():
        with pytest.raises(TimeoutError):
            await backend(pool)
    assert await backend(pool)
    await pool.close()
