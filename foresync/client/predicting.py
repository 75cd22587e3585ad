"""The prediction server's calls, one method each, and what they answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foresync.client.answers import Json
from foresync.client.retry import Retry
from foresync.client.transport import Token, Transport

PATH = "/api/v1/predict-conflict"


@dataclass(frozen=True, slots=True)
class Prediction:
    """How likely an edit is to end in a conflict. `probability` is None, and `risk_level` unknown, while no model may
    answer. `basis` is own_history where the model has learnt from the tenant's own syncs, else pooled. Send
    `prediction_id` along with the change, so that the outcome can be told."""

    prediction_id: str
    status: str
    probability: float | None
    risk_level: str
    warning_message: str | None
    concurrent_editors: int
    model_version: str | None
    threshold: float | None
    top_factors: list[Json]
    basis: str | None

    @classmethod
    def parse(cls, body: Json) -> "Prediction":
        return cls(
            prediction_id=body["prediction_id"],
            status=body["status"],
            probability=body["conflict_probability"],
            risk_level=body["risk_level"],
            warning_message=body["warning_message"],
            concurrent_editors=body["concurrent_editors_detected"],
            model_version=body["model_version"],
            threshold=body["threshold"],
            top_factors=body["top_factors"],
            basis=body["basis"],
        )


@dataclass(frozen=True, slots=True)
class PushPrediction:
    """How likely a queue, going out as one push, is to end in any conflict; by a model and a threshold of its own."""

    probability: float
    risk_level: str
    warning_message: str | None
    threshold: float
    top_factors: list[Json]

    @classmethod
    def parse(cls, body: Json) -> "PushPrediction":
        return cls(
            probability=body["conflict_probability"],
            risk_level=body["risk_level"],
            warning_message=body["warning_message"],
            threshold=body["threshold"],
            top_factors=body["top_factors"],
        )


@dataclass(frozen=True, slots=True)
class QueuePrediction:
    """The predictions of a queue's edits, in order, and that of all as one push; `push` is None while no model may
    answer about pushes."""

    predictions: list[Prediction]
    push: PushPrediction | None

    @classmethod
    def parse(cls, body: Json) -> "QueuePrediction":
        push = body["push"]
        return cls(
            predictions=[Prediction.parse(one) for one in body["predictions"]],
            push=PushPrediction.parse(push) if push else None,
        )


@dataclass(frozen=True, slots=True)
class Explanation:
    """An answer and how it came about. Each of `features` has feature, value, unit, meaning, default, effect and
    contribution; `reference` and the contributions add up to `score`, on the `scale` on which the model adds."""

    prediction: Prediction
    as_of_seq: int
    asked_at: datetime
    scale: str | None
    reference: float | None
    score: float | None
    features: list[Json]

    @classmethod
    def parse(cls, body: Json) -> "Explanation":
        return cls(
            prediction=Prediction.parse(body),
            as_of_seq=body["as_of_seq"],
            asked_at=datetime.fromisoformat(body["asked_at"]),
            scale=body["scale"],
            reference=body["reference"],
            score=body["score"],
            features=body["features"],
        )


class PredictionClient:
    """A connection to a prediction server as one user (scope predict). Not for several threads at once.

    An edit is a mapping with `entity_type` and `entity_id`, and what is known of `moment`, `client_version`, `fields`,
    `edit_id` and `edit_age_seconds`. Every method raises `SyncError`, as those of `SyncClient` do. A prediction is
    worth little when it is late, so that by default nothing is tried twice.
    """

    def __init__(
        self, url: str, token: Token, user_id: str, *, device_id: str | None = None, timeout: float = 2.0,
        retry: Retry | None = None,
    ) -> None:  # fmt: skip
        self._transport = Transport(url, token, timeout=timeout, retry=retry or Retry(attempts=1))
        self._who = {"user_id": user_id, "device_id": device_id}

    def __enter__(self) -> "PredictionClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    def predict(self, edit: Mapping[str, Any]) -> Prediction:
        """How likely is it that this edit ends in a conflict?"""
        return Prediction.parse(self._transport.request("POST", PATH, {**self._who, **edit}))

    def predict_all(self, edits: Sequence[Mapping[str, Any]]) -> list[Prediction]:
        """The same about up to a thousand edits, in order, in one call."""
        return self.predict_queue(edits).predictions

    def predict_queue(self, edits: Sequence[Mapping[str, Any]]) -> QueuePrediction:
        """The same, and how likely all of them, going out as one push, are to end in any conflict."""
        body = {**self._who, "items": [dict(edit) for edit in edits]}
        return QueuePrediction.parse(self._transport.request("POST", f"{PATH}/batch", body))

    def explain(self, edit: Mapping[str, Any]) -> Explanation:
        """The answer to `predict`, with every feature and its part in it."""
        return Explanation.parse(self._transport.request("POST", f"{PATH}/explain", {**self._who, **edit}))
