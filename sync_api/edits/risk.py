"""The prediction server's word on an edit, if it can be had at once. No answer of ours waits for it or fails with it.

Presence calls ask with the caller's own token, so that they tell nobody more than they may ask themselves. Whoever
watches over many users' edits asks about them together, with a token of its own.
"""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar
from uuid import UUID

import httpx
import msgspec

from sync_api.edits.presence import Edit
from sync_api.push.decode import is_storable

SECONDS = 0.3
SECONDS_A_BATCH = 0.5
PATH = "/api/v1/predict-conflict"
MOST_FIELDS = 500  # that the prediction server takes; the first ones announced
LARGEST_ANSWER = 4 * 1024 * 1024
HIGH = "high"

_NAME = re.compile(r"[^\x00-\x1f\x7f]+")
T = TypeVar("T")
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Risk(msgspec.Struct, frozen=True):
    """What a prediction tells of an edit. conflict_probability: None where nothing is known."""

    conflict_probability: float | None
    risk_level: str
    warning_message: str | None = None
    prediction_id: str | None = None
    model_version: str | None = None
    threshold: float | None = None
    concurrent_editors_detected: int | None = None
    top_factors: list[dict[str, Any]] = []
    status: str | None = None


class Word(msgspec.Struct, frozen=True):
    """A prediction about one of many edits, as far as a warning tells it."""

    conflict_probability: Share | None
    risk_level: str
    warning_message: Annotated[str, msgspec.Meta(max_length=1000)] | None = None
    prediction_id: UUID | None = None
    threshold: Share | None = None


class Words(msgspec.Struct, frozen=True):
    """The answer about many edits, in their order."""

    predictions: list[Word]


class Breaker:
    """Lets nobody wait for a server that has just failed several times; after a while, one may try."""

    FAILURES = 3
    REST_SECONDS = 5.0

    def __init__(self) -> None:
        self._failures = 0
        self._closed_until = 0.0

    def lets_pass(self) -> bool:
        now = time.monotonic()
        if self._failures < self.FAILURES:
            return True
        if now < self._closed_until:
            return False
        self._closed_until = now + self.REST_SECONDS  # this one tries, the others keep waiting
        return True

    def note(self, *, is_well: bool) -> None:
        self._failures = 0 if is_well else self._failures + 1
        self._closed_until = time.monotonic() + self.REST_SECONDS


class RiskServer:
    """The prediction server as this one sees it."""

    def __init__(self, url: str) -> None:
        # not compressed, so that what is read is as long as what was sent
        self._http = httpx.AsyncClient(base_url=url, trust_env=False, headers={"Accept-Encoding": "identity"})
        self._breaker = Breaker()
        self._risk = msgspec.json.Decoder(Risk)
        self._words = msgspec.json.Decoder(Words)

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(self, edit: Edit, moment: str, authorization: str) -> Risk | None:
        """The risk of this edit as of now; None when the server is away, slow, unwilling or not to be understood."""
        question = _question(edit, moment)
        return (await self._answer(PATH, question, authorization, SECONDS, self._risk.decode))[1]

    async def ask_for(self, edits: Sequence[Edit], by: str, authorization: str) -> list[Word] | None:
        """The risk of open edits of several users, in their order, asked by one who may. None when the server is away,
        slow or not to be understood; nothing at all when it refuses."""
        question = {"user_id": by, "items": [_question(edit, "edit_open") for edit in edits]}

        def decode(body: bytes) -> list[Word]:
            words = self._words.decode(body).predictions
            if len(words) != len(edits) or not all(is_storable(word.warning_message or "") for word in words):
                raise msgspec.ValidationError("an answer to something else")
            return words

        status, words = await self._answer(f"{PATH}/batch", question, authorization, SECONDS_A_BATCH, decode)
        refused = httpx.codes.BAD_REQUEST <= status < httpx.codes.INTERNAL_SERVER_ERROR
        return [] if refused else words

    async def _answer(
        self, path: str, question: Any, authorization: str, seconds: float, decode: Callable[[bytes], T]
    ) -> tuple[int, T | None]:
        """The status, 0 where there was none in time, and the answer if there is one."""
        if not self._breaker.lets_pass():
            return 0, None
        try:
            async with asyncio.timeout(seconds):
                status, body = await self._post(path, question, authorization)
            found = decode(body) if status == httpx.codes.OK else None
        except (httpx.HTTPError, TimeoutError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._breaker.note(is_well=False)
            return 0, None
        # a refusal is an answer too: it is the caller's, and says nothing of the server's health
        self._breaker.note(is_well=status < httpx.codes.INTERNAL_SERVER_ERROR)
        return status, found

    async def _post(self, path: str, question: Any, authorization: str) -> tuple[int, bytes]:
        body = bytearray()
        headers = {"Authorization": authorization}
        async with self._http.stream("POST", path, json=question, headers=headers) as answer:
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > LARGEST_ANSWER:
                    raise httpx.DecodingError("far too long an answer", request=answer.request)
        return answer.status_code, bytes(body)


def may_be_asked(edit: Edit) -> bool:
    """Whether the prediction server takes its names: one that it does not take has it refuse a whole batch."""
    return all(map(_NAME.fullmatch, (edit.device_id, edit.entity_type, edit.entity_id, *edit.fields)))


def _question(edit: Edit, moment: str) -> dict[str, Any]:
    return {
        "user_id": edit.user_id,
        "device_id": edit.device_id,
        "entity_type": edit.entity_type,
        "entity_id": edit.entity_id,
        "moment": moment,
        "client_version": edit.base_version,
        "fields": edit.fields[:MOST_FIELDS],
        "edit_id": str(edit.edit_id),
    }
