"""From a question to its answer: features, verdict, arm, and the row for the log. Knows no HTTP, and no words."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from serving import answers, database, features, pushes, risk
from serving.batcher import Batcher
from serving.features import Edit, Seen
from serving.metrics import Metrics
from serving.model_store import Loaded, ModelStore
from serving.prediction_log import PredictionLog, Row, new_id
from serving.risk import Verdict
from serving.schemas import Asked

MOST_EDITS_TOGETHER = 50  # in one statement


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom it is asked, from where, and whose token asks."""

    tenant: str
    user: str
    device: str | None
    by: str


@dataclass(frozen=True, slots=True)
class Question:
    """What one request asks. askers: of one tenant, one for each edit. started: by `time.perf_counter`. why: whether
    the answers are to be explained. whole: whether it is also asked about all of them as one push."""

    askers: Sequence[Asker]
    asked: Sequence[Asked]
    started: float
    why: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """The answers to one request, in order; of its edits as one push, where that was asked and may be answered."""

    predictions: list[dict[str, Any]]
    push: dict[str, Any] | None


class Predictor:
    """Answers from whatever model is current, and logs what it said."""

    def __init__(
        self,
        pool: database.Pool,
        models: ModelStore,
        log: PredictionLog,
        metrics: Metrics,
        arm_key: bytes,
        withhold_share: float,
        statements_at_once: int,
    ) -> None:
        self._pool = pool
        self._models = models
        self._log = log
        self._metrics = metrics
        self._arm_key = arm_key
        self._withhold_share = withhold_share
        self._batcher = Batcher(self._answer_together, workers=statements_at_once, heaviest=MOST_EDITS_TOGETHER)

    async def answer(self, askers: Sequence[Asker], asked: Sequence[Asked]) -> list[dict[str, Any]]:
        """The answers, in order, as `schemas.Prediction` describes them. Problem 503 without PostgreSQL."""
        return (await self._ask(Question(askers, asked, time.perf_counter()))).predictions

    async def answer_queue(self, askers: Sequence[Asker], asked: Sequence[Asked]) -> Told:
        """The same, and what is said of the whole queue, as `schemas.PushPrediction` describes it."""
        return await self._ask(Question(askers, asked, time.perf_counter(), whole=True))

    async def explain(self, asker: Asker, asked: Asked) -> dict[str, Any]:
        """The answer, and how it came about, as `schemas.Explained` describes it."""
        told = await self._ask(Question([asker], [asked], time.perf_counter(), why=True))
        return told.predictions[0]

    async def _ask(self, question: Question) -> Told:
        told = await self._batcher.ask(question.askers[0].tenant, question, weight=len(question.asked))
        self._metrics.total.observe(time.perf_counter() - question.started)
        return told

    async def _answer_together(self, tenant: str, questions: list[Question]) -> list[Told]:
        """The answers to several requests of one tenant: one statement, one evaluation of the model."""
        began = time.perf_counter()
        asked = [item for question in questions for item in question.asked]
        edits = [
            Edit(
                asker.user,
                item.entity_type,
                item.entity_id,
                item.fields,
                item.client_version,
                asker.device,
                item.edit_id,
                item.edit_age_seconds,
            )
            for question in questions
            for asker, item in zip(question.askers, question.asked, strict=True)
        ]
        seen = await self._see(tenant, edits)
        read = time.perf_counter()
        loaded = self._models.current
        verdicts = _judge(loaded, tenant, asked, seen)
        judged = time.perf_counter()
        for question in questions:
            self._metrics.waiting.observe(began - question.started)
        self._metrics.features.observe(read - began)
        self._metrics.evaluation.observe(judged - read)
        self._count_defaults(seen)
        found = zip(seen, verdicts, strict=True)
        return [
            self._tell(question, [next(found) for _ in question.asked], loaded, (judged - question.started) * 1000)
            for question in questions
        ]

    def _tell(
        self, question: Question, found: Sequence[tuple[Seen, Verdict | None]], loaded: Loaded | None, latency_ms: float
    ) -> Told:
        edits = list(zip(question.askers, question.asked, found, strict=True))
        arms = [self._arm(asker, item, seen, verdict) for asker, item, (seen, verdict) in edits]
        levels = (verdict.level if verdict else "unknown" for _, verdict in found)
        for said, number in Counter(zip(levels, arms, strict=True)).items():
            self._metrics.said[said].inc(number)
        predictions = [
            self._say(asker, item, seen, verdict, arm, loaded, latency_ms, question.why)
            for (asker, item, (seen, verdict)), arm in zip(edits, arms, strict=True)
        ]
        return Told(predictions, _push(question, loaded, [seen for seen, _ in found], arms))

    async def _see(self, tenant: str, edits: Sequence[Edit]) -> list[Seen]:
        """A long queue is read in parts, side by side: it is answered sooner, and others get their turn in between."""
        if len(edits) <= MOST_EDITS_TOGETHER:
            async with database.connection(self._pool) as connection:
                return await features.read(connection, tenant, edits)
        starts = range(0, len(edits), MOST_EDITS_TOGETHER)
        parts = await asyncio.gather(
            *(self._see(tenant, edits[first : first + MOST_EDITS_TOGETHER]) for first in starts)
        )
        return [seen for part in parts for seen in part]

    def _say(
        self,
        asker: Asker,
        item: Asked,
        seen: Seen,
        verdict: Verdict | None,
        arm: risk.Arm,
        loaded: Loaded | None,
        latency_ms: float,
        why: bool,
    ) -> dict[str, Any]:
        row = _row(asker, item, seen, loaded, verdict, arm, latency_ms)
        self._log.put(row)
        if loaded is None or verdict is None:
            return answers.unknown(row, why)
        shown = risk.unremarkable(loaded.model) if arm == "withheld" else verdict
        return answers.known(row, loaded, shown, item, seen, why)

    def _arm(self, asker: Asker, item: Asked, seen: Seen, verdict: Verdict | None) -> risk.Arm:
        if verdict is None or verdict.level != "high":
            return "shown"
        edit = str(item.edit_id or seen.asked_at.date())
        who = (asker.tenant, asker.user, item.entity_type, item.entity_id)
        return risk.arm(self._arm_key, self._withhold_share, *who, edit)

    def _count_defaults(self, seen: Sequence[Seen]) -> None:
        columns = zip(*(at.values.values() for at in seen), strict=True)
        for (name, default), column in zip(features.DEFAULTS.items(), columns, strict=True):
            if number := column.count(default):
                self._metrics.default_of[name].inc(number)


def _judge(loaded: Loaded | None, tenant: str, asked: Sequence[Asked], seen: Sequence[Seen]) -> list[Verdict | None]:
    """A verdict for each edit that the model may judge."""
    if loaded is None or not loaded.model.manifest.serves(tenant):
        return [None] * len(asked)
    served = [i for i, item in enumerate(asked) if item.moment in loaded.model.manifest.moments]
    verdicts: list[Verdict | None] = [None] * len(asked)
    if served:
        for i, verdict in zip(served, risk.judge(loaded.model, [seen[i].values for i in served]), strict=True):
            verdicts[i] = verdict
    return verdicts


def _push(
    question: Question, loaded: Loaded | None, seen: Sequence[Seen], arms: Sequence[risk.Arm]
) -> dict[str, Any] | None:
    """What is said of the edits as one push: of one user's, by a model that may. It is not logged and has no arm of its
    own; a record whose warning is withheld counts as one of which nothing is known."""
    if not question.whole or loaded is None or loaded.push is None:
        return None
    if len({asker.user for asker in question.askers}) > 1:
        return None
    manifest = loaded.push.manifest
    tenant = question.askers[0].tenant
    if not manifest.serves(tenant) or not {item.moment for item in question.asked} <= set(manifest.moments):
        return None
    shown = [features.DEFAULTS if arm == "withheld" else at.values for at, arm in zip(seen, arms, strict=True)]
    return pushes.answer(loaded.push, shown)


def _row(
    asker: Asker,
    item: Asked,
    seen: Seen,
    loaded: Loaded | None,
    verdict: Verdict | None,
    arm: risk.Arm,
    latency_ms: float,
) -> Row:
    manifest = loaded.model.manifest if loaded and verdict else None
    return Row(
        tenant=asker.tenant,
        prediction_id=new_id(),
        model_type=manifest.model_type if manifest else None,
        model_version=loaded.version.number if loaded and verdict else None,
        user=asker.user,
        device=asker.device,
        entity_type=item.entity_type,
        entity_id=item.entity_id,
        moment=item.moment,
        asked_at=seen.asked_at,
        as_of_seq=seen.as_of_seq,
        edit_id=item.edit_id,
        probability=verdict.probability if verdict else None,
        threshold=manifest.threshold if manifest else None,
        predicted_conflict=verdict.level == "high" if verdict else None,
        features=seen.values,
        is_hidden=seen.is_hidden,
        request=_request(asker, item),
        arm=arm,
        latency_ms=latency_ms,
    )


def _request(asker: Asker, item: Asked) -> dict[str, Any]:
    """What was asked; `asked_by` where somebody asked on the user's behalf, and may have shown nobody the answer."""
    asked: dict[str, Any] = {"client_version": item.client_version, "fields": item.fields}
    if item.edit_age_seconds is not None:
        asked["edit_age_seconds"] = item.edit_age_seconds
    return asked if asker.by == asker.user else asked | {"asked_by": asker.by}
