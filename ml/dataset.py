"""The training set: read, checked, cut to its window, and named by a digest.

Reading and refusing only; features are computed in the warehouse, and how rows are divided is `ml.splits`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from pandas.api import types

from ml.announcements import DRAW, SILENT_OVERLAP
from ml.features import FEATURE_NAMES, MOMENTS, TARGET

MIN_EVENTS: Final = 1000
WINDOW_DAYS: Final = 90

KEY: Final = ("tenant_id", "event_id", "moment")
TEXT: Final = (
    "tenant_id",
    "event_id",
    "sync_session_id",
    "user_id",
    "device_id",
    "entity_type",
    "entity_id",
    "moment",
)
TIMES: Final = ("asked_at", "received_at")
FLAGS: Final = ("is_mapped_time", TARGET)
NUMBERS: Final = (*FEATURE_NAMES, SILENT_OVERLAP, DRAW)
COLUMNS: Final = (*TEXT, *TIMES, "as_of_seq", *FLAGS, *NUMBERS)


class DatasetError(ValueError):
    """The file is not a training set; the message names the column and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Rows of one window, one per (event, moment), by received_at; features are float64, missing is NaN. What a row was
    when its edit announced nothing is in it too, and the draw that says at which share it would (ml.announcements).

    `event_count` counts the window's distinct events. `instant_rows` were left out of `frame`: their edit was received
    at the moment it was begun, so that there was no time in which to warn of anything.
    """

    frame: pd.DataFrame
    source: str
    digest: str
    event_count: int
    instant_rows: int

    @property
    def is_sufficient(self) -> bool:
        """Enough events to learn from. Too few is a state of a young platform, not an error."""
        return self.event_count >= MIN_EVENTS

    @property
    def demo_tenants(self) -> list[str] | None:
        """Tenants of a set with mapped time: its models serve these and no other. None: may serve all."""
        if not bool(self.frame["is_mapped_time"].any()):
            return None
        return sorted(self.frame["tenant_id"].unique())


def load(source: str | Path, *, days: int | None = WINDOW_DAYS) -> TrainingSet:
    """Read a training-set Parquet (path or `file://` URL), keep the last `days` before its newest row (None: all).

    Raises FileNotFoundError, or DatasetError when a column is missing, mistyped, null, out of range, or a key repeats.
    """
    return from_frame(pd.read_parquet(str(source)), source=str(source), days=days)


def from_frame(frame: pd.DataFrame, *, source: str, days: int | None = WINDOW_DAYS) -> TrainingSet:
    """The same from a frame in memory."""
    window = _within(_typed(frame), days).sort_values(["received_at", *KEY], ignore_index=True)
    _check(window)
    had_time = window["asked_at"] < window["received_at"]
    return TrainingSet(
        frame=window.loc[had_time].reset_index(drop=True),
        source=source,
        digest=_digest(window),
        event_count=len(window[["tenant_id", "event_id"]].drop_duplicates()),
        instant_rows=int((~had_time).sum()),
    )


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise DatasetError(f"missing columns: {', '.join(missing)}")
    typed = frame.loc[:, list(COLUMNS)].copy()
    for name in TIMES:
        if not isinstance(typed[name].dtype, pd.DatetimeTZDtype):
            raise DatasetError(f"{name}: expected a time with a zone, found {typed[name].dtype}")
        typed[name] = typed[name].dt.tz_convert("UTC").astype("datetime64[us, UTC]")
    for name in (*TIMES, *TEXT, *FLAGS, "as_of_seq"):
        if bool(typed[name].isna().any()):
            raise DatasetError(f"{name}: has {int(typed[name].isna().sum())} missing values")
    for name in (*NUMBERS, "as_of_seq"):
        if len(typed) and not types.is_numeric_dtype(typed[name]):
            raise DatasetError(f"{name}: expected numbers, found {typed[name].dtype}")
    dtypes: dict[str, str] = dict.fromkeys(TEXT, "str")
    dtypes |= dict.fromkeys(FLAGS, "bool") | dict.fromkeys(NUMBERS, "float64")
    return typed.astype(dtypes | {"as_of_seq": "int64"})


def _within(frame: pd.DataFrame, days: int | None) -> pd.DataFrame:
    if days is None or frame.empty:
        return frame
    newest = pd.Timestamp(frame["received_at"].max())
    return frame.loc[frame["received_at"] >= newest - pd.Timedelta(days=days)]


def _check(frame: pd.DataFrame) -> None:
    unknown = sorted(set(frame["moment"]) - set(MOMENTS))
    if unknown:
        raise DatasetError(f"moment: unknown {', '.join(unknown)}; known are {', '.join(MOMENTS)}")
    repeated = int(frame.duplicated(list(KEY)).sum())
    if repeated:
        raise DatasetError(f"{repeated} rows repeat their (tenant_id, event_id, moment)")
    late = int((frame["asked_at"] > frame["received_at"]).sum())
    if late:
        raise DatasetError(f"asked_at: {late} rows were asked after their event was received")
    features = frame[list(NUMBERS)]
    for name, broken in (np.isinf(features) | (features < 0)).sum().items():
        if broken:
            raise DatasetError(f"{name}: {broken} values are negative or infinite")


def _digest(frame: pd.DataFrame) -> str:
    rows = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    return hashlib.sha256(rows.tobytes()).hexdigest()[:16]
