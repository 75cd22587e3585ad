import numpy as np
import pandas as pd
import pytest

from ml import tune
from ml.dataset import TrainingSet
from ml.estimators import Candidate
from ml.features import TARGET
from ml.sampling import MIN_NEGATIVES, NEGATIVES_PER_POSITIVE, some_pushes, thinned


def frame(positives: int, negatives: int) -> pd.DataFrame:
    return pd.DataFrame(
        {TARGET: np.repeat([True, False], [positives, negatives]), "x": np.arange(positives + negatives)}
    )


def test_every_conflict_stays_and_the_rest_speak_for_those_left_out() -> None:
    rows, weights = thinned(frame(3_000, 200_000))
    assert rows[TARGET].sum() == 3_000
    assert len(rows) == 3_000 * (1 + NEGATIVES_PER_POSITIVE)
    assert np.isclose(weights.sum(), 203_000) and set(weights[rows[TARGET]]) == {1.0}
    assert np.isclose(np.average(rows[TARGET], weights=weights), 3_000 / 203_000)


def test_the_cost_follows_the_conflicts_and_not_the_history() -> None:
    sizes = [len(thinned(frame(2_000, negatives))[0]) for negatives in (50_000, 500_000)]
    assert sizes[0] == sizes[1]


def test_past_so_many_conflicts_a_longer_history_costs_no_more() -> None:
    """They too speak for those left out: what is said of the share that conflicts stays right."""
    rows, weights = thinned(frame(9_000, 900_000), most=3_000)
    assert rows[TARGET].sum() == 3_000 and len(rows) == 3_000 * (1 + NEGATIVES_PER_POSITIVE)
    assert np.isclose(weights[rows[TARGET]].sum(), 9_000) and np.isclose(weights.sum(), 909_000)


def test_a_trial_learns_from_few_and_the_finalist_from_all(
    dataset: TrainingSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both say how often conflicts come as it is."""
    monkeypatch.setattr(tune, "TRIED_CONFLICTS", 30)
    candidate, learned = Candidate("logistic_regression", {"C": 0.1}), []
    fitted = Candidate.fit
    monkeypatch.setattr(
        Candidate, "fit", lambda self, rows, w: (learned.append(int(rows[TARGET].sum())), fitted(self, rows, w))[1]
    )
    tune.tune(dataset.frame, [candidate], lambda *_: None, rounds=0)
    assert learned == [30, 30, 30]
    tune.fit(candidate, dataset.frame)
    assert learned[3:] == [dataset.frame[TARGET].sum()]


def test_what_is_measured_on_fewer_rows_is_measured_on_whole_pushes(dataset: TrainingSet) -> None:
    most = len(dataset.frame) // 3
    some = some_pushes(dataset.frame, most)
    assert 0.9 * most < len(some) <= most
    sizes, all_sizes = (part.groupby("sync_session_id").size() for part in (some, dataset.frame))
    assert (sizes == all_sizes[sizes.index]).all() and some.index.is_monotonic_increasing
    assert some_pushes(dataset.frame, len(dataset.frame)) is dataset.frame


def test_of_a_small_set_every_row_counts(dataset: TrainingSet) -> None:
    rows, weights = thinned(dataset.frame.head(MIN_NEGATIVES))
    assert len(rows) == len(weights) == min(MIN_NEGATIVES, len(dataset.frame)) and set(weights) == {1.0}
