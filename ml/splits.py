"""How rows are divided into train, validation and holdout: by time, so that the past is never told the future.

Two rules make it so.

- **A row lives where its label became known**: by `received_at`, not by when it was asked. An edit begun before a cut
  whose event came after it belongs to the later side: at the cut nobody could have known how it would end.
- **A push is never torn**: all rows of one sync_session_id go to the side of its last event, since its edits share one
  fate and a part of them would give the others away.

Rows asked before the cut but received after it stay in the later slice. Leaving them out would leave out the long
edits, which are the ones that conflict; their features see only what was known when they were asked.

No estimator, no metric, no MLflow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from ml.features import TARGET

Strategy = Literal["time", "stratified"]
PUSH: Final = ["tenant_id", "sync_session_id"]
TRAIN_SHARE: Final = 0.6
VALIDATION_SHARE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Split:
    """Three slices of one training set. Whatever is fitted or chosen saw nothing received from `holdout_from` on.

    A stratified split has no cuts: its `validation_from` and `holdout_from` are both after its newest row, so that
    no row of the same set counts as later than the model.
    """

    train: pd.DataFrame
    validation: pd.DataFrame
    holdout: pd.DataFrame
    validation_from: pd.Timestamp
    holdout_from: pd.Timestamp

    @property
    def is_usable(self) -> bool:
        """Every slice holds rows of both classes."""
        return all(part[TARGET].nunique() == 2 for part in (self.train, self.validation, self.holdout))


def split(frame: pd.DataFrame, strategy: Strategy = "time") -> Split:
    """Divide 60 : 20 : 20. `time` is what a deployed model meets; `stratified` only answers a textbook's question."""
    return by_time(frame) if strategy == "time" else stratified(frame)


def by_time(frame: pd.DataFrame) -> Split:
    """Cut at the times by which 60 % and 80 % of the rows' pushes were complete."""
    known = known_at(frame)
    ordered = known.sort_values(ignore_index=True)
    first = ordered.iloc[int(len(ordered) * TRAIN_SHARE)]
    second = ordered.iloc[int(len(ordered) * (TRAIN_SHARE + VALIDATION_SHARE))]
    return Split(
        train=frame.loc[known < first],
        validation=frame.loc[(known >= first) & (known < second)],
        holdout=frame.loc[known >= second],
        validation_from=first,
        holdout_from=second,
    )


def by_tenant(frame: pd.DataFrame, train: float = 0.55, validation: float = 0.15) -> Split:
    """Cut each tenant's own history at these shares of its pushes, so that every tenant is in every slice.

    For measuring, not for serving: where one tenant's past is another's future, no single time divides the slices, and
    `validation_from` and `holdout_from` are those of the tenant that is cut last.
    """
    known = known_at(frame)
    pushes = (
        frame[PUSH].assign(known=known).drop_duplicates(PUSH).sort_values("known", kind="stable", ignore_index=True)
    )
    by = pushes.groupby("tenant_id", sort=False)["known"]
    place, size = by.cumcount(), by.transform("size")
    ends = [pushes.loc[place == (size * share).astype("int64")] for share in (train, train + validation)]
    cuts = [end.set_index("tenant_id")["known"] for end in ends]
    first, second = (frame["tenant_id"].map(cut) for cut in cuts)
    return Split(
        train=frame.loc[known < first],
        validation=frame.loc[(known >= first) & (known < second)],
        holdout=frame.loc[known >= second],
        validation_from=cuts[0].max(),
        holdout_from=cuts[1].max(),
    )


def stratified(frame: pd.DataFrame, *, seed: int = 0) -> Split:
    """Shuffle whole pushes into five folds with equal shares of conflicts: three train, one validates, one is held out.

    The future leaks into the past here, by design; never a ground for promotion.
    """
    pushes = frame.groupby(PUSH, sort=False).ngroup()
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(frame, frame[TARGET], pushes)
    validation, holdout = (frame.iloc[rows] for _, rows in list(folds)[:2])
    after = frame["received_at"].max() + pd.Timedelta(microseconds=1)
    train = frame.drop(index=validation.index.union(holdout.index))
    return Split(train, validation, holdout, after, after)


def folds_by_time(frame: pd.DataFrame, count: int = 3) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Expanding folds inside a training slice: each trains on all before its cut and tests on the next stretch.

    Yields row positions (train, test); the first half of the rows is always trained on.
    """
    known = known_at(frame)
    ordered = known.sort_values(ignore_index=True)
    shares = np.linspace(0.5, 1.0, count + 1)[:-1]
    cuts = [ordered.iloc[int(len(ordered) * share)] for share in shares]
    ends = [*cuts[1:], ordered.iloc[-1] + pd.Timedelta(microseconds=1)]
    for start, end in zip(cuts, ends, strict=True):
        yield np.flatnonzero(known < start), np.flatnonzero((known >= start) & (known < end))


def known_at(frame: pd.DataFrame) -> pd.Series:
    """When the fate of a row's whole push was known: the last received_at of its sync_session_id."""
    known: pd.Series = frame.groupby(PUSH, sort=False)["received_at"].transform("max")
    return known
