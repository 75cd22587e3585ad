"""A feature that knows the end is found, whichever way it tells; what may be known is let through."""

import numpy as np
import pandas as pd
import pytest

from ml.dataset import TrainingSet
from ml.features import FEATURE_NAMES, TARGET
from ml.leakage import leaks
from ml.splits import Split


def with_probe(frame: pd.DataFrame, probe: np.ndarray) -> pd.DataFrame:
    return frame.assign(user_conflict_rate=probe)


def test_features_that_are_what_they_should_be_are_let_through(slices: Split) -> None:
    assert leaks(slices.holdout) == []


@pytest.mark.parametrize("says_of_a_conflict", [1.0, 0.0])
def test_the_outcome_itself_is_found_whichever_way_it_tells(slices: Split, says_of_a_conflict: float) -> None:
    told = np.where(slices.holdout[TARGET], says_of_a_conflict, 1.0 - says_of_a_conflict)
    (found,) = leaks(with_probe(slices.holdout, told))
    assert found.name == "user_conflict_rate" and found.power == pytest.approx(1.0)


def test_a_rate_that_counts_the_edit_s_own_end_is_found(slices: Split) -> None:
    """The mistake that is made most easily: the event is among the user's events, with its conflict."""
    frame = slices.holdout
    own = 100.0 * (frame["user_conflict_rate"] / 100.0 * 2 + frame[TARGET]) / 3
    (found,) = leaks(with_probe(frame, own.to_numpy()))
    assert found.name == "user_conflict_rate" and 0.65 < found.power < 1.0


def test_the_outcome_under_noise_is_found_until_it_tells_no_more_than_may_be_known(slices: Split) -> None:
    rng = np.random.default_rng(1)
    told = slices.holdout[TARGET].to_numpy(dtype=float)
    noisy = [leaks(with_probe(slices.holdout, told + rng.normal(0, spread, len(told)))) for spread in (0.1, 3.0)]
    assert [len(found) for found in noisy] == [1, 0]


def test_rows_of_one_class_have_nothing_to_tell(dataset: TrainingSet) -> None:
    calm = dataset.frame.assign(**{TARGET: False})
    assert leaks(calm) == []


def test_every_feature_of_the_contract_is_looked_at(slices: Split) -> None:
    told = slices.holdout[TARGET].to_numpy(dtype=float)
    everything = slices.holdout.assign(**dict.fromkeys(FEATURE_NAMES, told))
    assert {leak.name for leak in leaks(everything)} == set(FEATURE_NAMES)
