"""Questions that come while others are being answered wait for each other, and are then answered together.

A statement for thirty edits costs PostgreSQL and this process a small part of what thirty statements cost. Nobody
waits for company: with a worker idle, a question is on its way at once. Knows no features and no model.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from web.problems import Problem

Question = TypeVar("Question")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Question, Answer]):
    question: Question
    weight: int
    answer: asyncio.Future[Answer]


class Batcher(Generic[Question, Answer]):
    """Answers by calling `answer_together(key, questions)`, which answers in the order of the questions.

    Only questions with the same key are put together: one tenant's never share a statement with another's. `workers`:
    how many such calls run at once. `heaviest`: the weight beyond which a call takes no further question.
    """

    def __init__(
        self,
        answer_together: Callable[[str, list[Question]], Awaitable[Sequence[Answer]]],
        *,
        workers: int,
        heaviest: int,
    ) -> None:
        self._answer_together = answer_together
        self._workers = workers
        self._heaviest = heaviest
        self._waiting: dict[str, deque[_Waiting[Question, Answer]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, key: str, question: Question, weight: int = 1) -> Answer:
        """The answer; raises what answering raised."""
        waiting: _Waiting[Question, Answer] = _Waiting(question, weight, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(key, deque()).append(waiting)
        if len(self._tasks) < self._workers:
            task = asyncio.create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await waiting.answer

    async def _work(self) -> None:
        while self._waiting:
            key, group = self._next()
            await self._settle(key, group)

    def _next(self) -> tuple[str, list[_Waiting[Question, Answer]]]:
        """As many of the longest waiting key's questions as one call takes; what is left queues up behind the rest."""
        key = next(iter(self._waiting))
        queue = self._waiting.pop(key)
        group: list[_Waiting[Question, Answer]] = []
        weight = 0
        while queue and (not group or weight + queue[0].weight <= self._heaviest):
            one = queue.popleft()
            if not one.answer.done():  # whoever asked has gone
                group.append(one)
                weight += one.weight
        if queue:
            self._waiting[key] = queue
        return key, group

    async def _settle(self, key: str, group: list[_Waiting[Question, Answer]]) -> None:
        if not group:
            return
        try:
            answers = await self._answer_together(key, [one.question for one in group])
        except Exception as error:
            if len(group) > 1 and not isinstance(error, Problem):  # what is wrong with one is not the others' fault
                for one in group:
                    await self._settle(key, [one])
                return
            for one in group:
                if not one.answer.done():
                    one.answer.set_exception(error)
            return
        for one, answer in zip(group, answers, strict=True):
            if not one.answer.done():
                one.answer.set_result(answer)
