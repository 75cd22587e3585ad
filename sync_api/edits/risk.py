"""The prediction server's word on an edit, if it can be had at once. No answer of ours waits for it or fails with it.

It is asked with the caller's own token, so that it tells nobody more than they may ask themselves.
"""

import asyncio
import time
from typing import Any

import httpx
import msgspec

from sync_api.edits.presence import Edit

SECONDS = 0.3
PATH = "/api/v1/predict-conflict"


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
    """The prediction server as the presence calls see it."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=SECONDS, trust_env=False)
        self._breaker = Breaker()
        self._decoder = msgspec.json.Decoder(Risk)

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(self, edit: Edit, moment: str, authorization: str) -> Risk | None:
        """The risk of this edit as of now; None when the server is away, slow, unwilling or not to be understood."""
        if not self._breaker.lets_pass():
            return None
        question = {
            "user_id": edit.user_id,
            "device_id": edit.device_id,
            "entity_type": edit.entity_type,
            "entity_id": edit.entity_id,
            "moment": moment,
            "client_version": edit.base_version,
            "fields": edit.fields,
            "edit_id": str(edit.edit_id),
        }
        try:
            async with asyncio.timeout(SECONDS):
                answer = await self._http.post(PATH, json=question, headers={"Authorization": authorization})
            risk = self._decoder.decode(answer.content) if answer.status_code == httpx.codes.OK else None
        except (httpx.HTTPError, TimeoutError, msgspec.DecodeError, UnicodeDecodeError):
            self._breaker.note(is_well=False)
            return None
        # a refusal is an answer too: it is the caller's, and says nothing of the server's health
        self._breaker.note(is_well=answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR)
        return risk
