"""Questions that meet are answered together, each with its own answer, whatever becomes of the others."""

import asyncio

import pytest

from serving.batcher import Batcher
from web.problems import Problem


class Answering:
    """Answers a question with its double; waits before that until it is let go; keeps what it was called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[int]]] = []
        self.go = asyncio.Event()

    async def __call__(self, key: str, questions: list[int]) -> list[int]:
        self.calls.append((key, questions))
        await self.go.wait()
        if 13 in questions:
            raise ValueError("13")
        if 503 in questions:
            raise Problem(503, "away", "Away")
        return [2 * question for question in questions]


@pytest.fixture
def answering() -> Answering:
    return Answering()


async def asked(batcher: Batcher[int, int], *questions: tuple[str, int]) -> list[asyncio.Task[int]]:
    """The questions, on their way, in this order."""
    tasks = [asyncio.create_task(batcher.ask(key, number)) for key, number in questions]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_what_comes_meanwhile_is_answered_together(answering: Answering) -> None:
    batcher = Batcher(answering, workers=1, heaviest=100)
    first = await asked(batcher, ("t", 1))
    rest = await asked(batcher, *[("t", number) for number in range(2, 12)])
    answering.go.set()

    assert await asyncio.gather(*first, *rest) == [2 * number for number in range(1, 12)]
    assert answering.calls == [("t", [1]), ("t", list(range(2, 12)))]


async def test_tenants_never_share_a_call_and_take_turns(answering: Answering) -> None:
    batcher = Batcher(answering, workers=1, heaviest=2)
    tasks = await asked(batcher, ("a", 0))
    tasks += await asked(batcher, ("a", 1), ("a", 2), ("a", 3), ("b", 4), ("a", 5))
    answering.go.set()

    assert await asyncio.gather(*tasks) == [0, 2, 4, 6, 8, 10]
    assert answering.calls == [("a", [0]), ("a", [1, 2]), ("b", [4]), ("a", [3, 5])]


async def test_a_heavy_question_goes_alone(answering: Answering) -> None:
    batcher = Batcher(answering, workers=1, heaviest=10)
    answering.go.set()

    assert await asyncio.gather(batcher.ask("t", 1, weight=1000), batcher.ask("t", 2, weight=9)) == [2, 4]
    assert answering.calls == [("t", [1]), ("t", [2])]


async def test_what_is_wrong_with_one_question_is_not_the_others_fault(answering: Answering) -> None:
    batcher = Batcher(answering, workers=1, heaviest=100)
    answering.go.set()
    found = await asyncio.gather(*(batcher.ask("t", number) for number in (1, 13, 2)), return_exceptions=True)

    assert (found[0], found[2]) == (2, 4)
    assert isinstance(found[1], ValueError)


async def test_a_database_that_is_away_is_away_for_all_and_asked_once(answering: Answering) -> None:
    batcher = Batcher(answering, workers=1, heaviest=100)
    answering.go.set()
    found = await asyncio.gather(*(batcher.ask("t", number) for number in (1, 503, 2)), return_exceptions=True)

    assert [type(one) for one in found] == [Problem] * 3
    assert len(answering.calls) == 1
    assert await batcher.ask("t", 4) == 8


async def test_who_has_gone_is_not_answered(answering: Answering) -> None:
    batcher = Batcher(answering, workers=1, heaviest=100)
    first, gone, last = await asked(batcher, ("t", 1), ("u", 2), ("u", 3))
    gone.cancel()
    await asyncio.sleep(0)
    answering.go.set()

    assert await asyncio.gather(first, last) == [2, 6]
    assert answering.calls == [("t", [1]), ("u", [3])]
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_so_many_calls_run_at_once_and_no_more(answering: Answering) -> None:
    batcher = Batcher(answering, workers=2, heaviest=1)
    tasks = await asked(batcher, *[("t", number) for number in range(6)])

    assert len(answering.calls) == 2
    answering.go.set()
    assert await asyncio.gather(*tasks) == [0, 2, 4, 6, 8, 10]
