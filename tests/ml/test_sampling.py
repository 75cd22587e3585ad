import numpy as np
import pandas as pd

from ml.dataset import TrainingSet
from ml.features import TARGET
from ml.sampling import MIN_NEGATIVES, NEGATIVES_PER_POSITIVE, thinned


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


def test_of_a_small_set_every_row_counts(dataset: TrainingSet) -> None:
    rows, weights = thinned(dataset.frame.head(MIN_NEGATIVES))
    assert len(rows) == len(weights) == min(MIN_NEGATIVES, len(dataset.frame)) and set(weights) == {1.0}
