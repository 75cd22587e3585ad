"""The prediction API on the wire: what may be asked, what is answered."""

import re
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

Moment = Literal["edit_start", "edit_open"]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
MAX_BATCH = 1_000


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


@lru_cache(maxsize=1_000)  # a queue names few types, many times
def _snake_case(name: str) -> str:
    """`Task` is `task`, `WorkOrder` is `work_order`."""
    if name.islower():
        return name
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _whole_microseconds(seconds: float) -> float:
    """No clock tells more, and PostgreSQL refuses to divide what is too small."""
    return round(seconds, 6)


Seconds = Annotated[float, AfterValidator(_whole_microseconds)]
UserId = Annotated[Text, BeforeValidator(_as_text)]
EntityType = Annotated[Text, AfterValidator(_snake_case)]


class Asked(BaseModel):
    """One edit of one record."""

    model_config = ConfigDict(extra="ignore")

    entity_type: EntityType = Field(description="The record's type; `Task` is `task`.", examples=["Task"])
    entity_id: Annotated[Text, BeforeValidator(_as_text)] = Field(
        description="The record's id on the server.", examples=["task_456"]
    )
    moment: Moment = Field(
        default="edit_start",
        description="`edit_start` when the edit begins, `edit_open` when asking again while it is open.",
        examples=["edit_start"],
    )
    client_version: int | None = Field(
        default=None, ge=0, lt=2**31, description="The last version of the record that the client received.",
        examples=[5],
    )  # fmt: skip
    fields: list[Text] = Field(
        default_factory=list,
        max_length=500,
        description="The fields that the edit touches, as far as known. None: the client does not say.",
        examples=[["status"]],
    )
    edit_id: UUID | None = Field(
        default=None,
        description="The open edit that this is about, if it was announced.",
        examples=["0192f0c1-6f5e-7cc0-8000-3c5b1f0e9a01"],
    )
    edit_age_seconds: Seconds | None = Field(
        default=None, ge=0, le=1e9, allow_inf_nan=False,
        description="How long the edit has been open on the device. Not said: since `edit_id` was first announced, "
        "or not at all.",
        examples=[5400],
    )  # fmt: skip


class PredictionRequest(Asked):
    """What a client asks before, or while, its user edits a record."""

    user_id: UserId = Field(description="Whose edit it is: the token's own user.", examples=[123])
    device_id: Text | None = Field(default=None, description="The device of the edit.", examples=["device_abc123"])
    timestamp: datetime | None = Field(
        default=None,
        description="The client's clock, for information: the moment that counts is the server's.",
        examples=["2025-11-11T10:30:00Z"],
    )


class BatchItem(Asked):
    """One edit of a queue, or of somebody's for whom the caller asks."""

    user_id: UserId | None = Field(
        default=None, description="Whose edit it is, where not the batch's user's (scope `operate`).", examples=[456]
    )
    device_id: Text | None = Field(
        default=None, description="The device of the edit, where it is not the batch's.", examples=["device_abc123"]
    )


class BatchRequest(BaseModel):
    """A client's whole queue."""

    user_id: UserId = Field(description="Whose edits they are: the token's own user.", examples=[123])
    device_id: Text | None = Field(default=None, description="The device of the edits.", examples=["device_abc123"])
    items: list[BatchItem] = Field(
        min_length=1,
        max_length=MAX_BATCH,
        description=f"The edits, at most {MAX_BATCH}.",
        examples=[[{"entity_type": "Task", "entity_id": "task_456", "fields": ["status"]}]],
    )


class TopFactor(BaseModel):
    """A feature that raises the risk."""

    feature: str = Field(description="The feature's name in the contract.", examples=["concurrent_editors"])
    value: float = Field(description="Its value now.", examples=[2])
    effect: float = Field(
        description="By how much the probability would be lower with this feature at its default.", examples=[0.31]
    )


class Prediction(BaseModel):
    """What the server makes of the edit."""

    status: Literal["ok", "insufficient_training_data"] = Field(
        description="`insufficient_training_data` while no model may answer: an ordinary state, not an error.",
        examples=["ok"],
    )
    conflict_probability: float | None = Field(
        description="Probability that the edit ends in a conflict; null while no model may answer.", examples=[0.85]
    )
    risk_level: Literal["low", "medium", "high", "unknown"] = Field(
        description="`high` from the warning threshold on.", examples=["high"]
    )
    warning_message: str | None = Field(
        description="For the person who edits, when the risk is high.",
        examples=["Your change to this task is likely to conflict: 2 other people are working on it right now."],
    )
    concurrent_editors_detected: int = Field(
        description="Other users who have the record open or changed it in the last five minutes.", examples=[2]
    )
    prediction_id: UUID = Field(
        description="To be sent along with the change, so that the outcome can be told.",
        examples=["0192f0c1-6f5e-7cc0-8000-3c5b1f0e9a02"],
    )
    model_version: str | None = Field(description="The version that answered.", examples=["7"])
    threshold: float | None = Field(description="The probability from which a warning is shown.", examples=[0.7])
    top_factors: list[TopFactor] = Field(
        description="What raises the risk most, strongest first; empty when the risk is low."
    )
    basis: Literal["own_history", "pooled"] | None = Field(
        description="`own_history`: the model has learnt from this tenant's own syncs. `pooled`: from others' alone, "
        "as for a tenant that is new. Null while no model may answer.",
        examples=["own_history"],
    )


class FeaturePart(BaseModel):
    """A feature, and its part in the answer."""

    feature: str = Field(description="Its name in the contract.", examples=["concurrent_editors"])
    value: float = Field(description="Its value at `asked_at`.", examples=[2])
    unit: str | None = Field(description="What it counts in; null while no model may answer.", examples=["users"])
    meaning: str | None = Field(
        description="What it tells; null while no model may answer, and from models that were trained without it.",
        examples=["Distinct other users with an edit of the record open at t."],
    )
    default: float = Field(description="What it is where nothing is known.", examples=[0])
    contribution: float | None = Field(
        description="Its part in `score`: the exact Shapley value against all defaults. The contributions and "
        "`reference` add up to `score`. Null while no model may answer.",
        examples=[0.42],
    )
    effect: float | None = Field(
        description="By how much the probability would be lower with this feature alone at its default, as in "
        "`top_factors`. Null while no model may answer.",
        examples=[0.31],
    )


class Explained(Prediction):
    """An answer, and how it came about."""

    as_of_seq: int = Field(description="The features see what the tenant had received up to here.", examples=[4711])
    asked_at: datetime = Field(description="The moment of the features.", examples=["2026-01-01T00:00:00Z"])
    scale: Literal["probability", "log_odds"] | None = Field(
        description="On which scale the model adds: a forest adds probabilities, the others log-odds, ln(p / (1 - p)). "
        "Null while no model may answer.",
        examples=["probability"],
    )
    reference: float | None = Field(description="The score with every feature at its default.", examples=[0.1])
    score: float | None = Field(description="The probability, or its log-odds.", examples=[0.85])
    features: list[FeaturePart] = Field(description="Every feature that the model was given, in its order.")


class PushPrediction(BaseModel):
    """What the server makes of the whole queue, going out as one push now. It is not logged, and has no id."""

    conflict_probability: float = Field(
        description="Probability that any of the edits ends in a conflict. Of a model of its own.",
        examples=[0.91],
    )
    risk_level: Literal["low", "medium", "high"] = Field(
        description="`high` from `threshold` on, which is not that of single edits.", examples=["high"]
    )
    warning_message: str | None = Field(
        description="For the person who edits, when the risk is high.",
        examples=[
            "One of these changes is likely to conflict: 2 other people are working on one of the records right now."
        ],
    )
    threshold: float = Field(description="The probability from which a warning is shown.", examples=[0.6])
    top_factors: list[TopFactor] = Field(
        description="What raises the risk most, strongest first; empty when the risk is low. Values are those of the "
        "worst record, or of all together (`fields_behind`, `open_overlap_recent`, `records_open`)."
    )


class BatchAnswer(BaseModel):
    """The answers, in the order of the items."""

    predictions: list[Prediction] = Field(description="One for each item, in order.")
    push: PushPrediction | None = Field(
        description="Of the whole queue as one push; null where it is of several users, and while no model may answer "
        "about pushes."
    )
