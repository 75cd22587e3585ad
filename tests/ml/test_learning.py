"""Candidates, tuning, and the choice between them: made on the past alone."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.inspection import permutation_importance

from ml.dataset import TrainingSet
from ml.estimators import CANDIDATES, SEED, Candidate
from ml.features import DEFAULTS, FEATURE_NAMES
from ml.finalists import finalists, importances
from ml.report import Report, gather
from ml.splits import Split, by_time
from ml.tune import Trial, best_of_each_type, fit, predict, tune

LOGISTIC = Candidate("logistic_regression", {"C": 0.1})
FOREST = Candidate("random_forest", {"max_depth": 6, "min_samples_leaf": 20, "max_features": 2})
BOOSTING = Candidate("gradient_boosting", {"learning_rate": 0.04, "max_iter": 50, "max_features": 0.4})


def test_every_candidate_is_tried_and_told_of(slices: Split) -> None:
    told: list[tuple[str, int]] = []
    trials = tune(
        slices.train,
        [LOGISTIC, FOREST, BOOSTING],
        lambda trial, done: told.append((trial.candidate.name, done)),
        rounds=0,
    )
    assert [trial.candidate for trial in trials] == [LOGISTIC, FOREST, BOOSTING]
    assert {name for name, _ in told} == {LOGISTIC.name, FOREST.name, BOOSTING.name}
    assert [done for _, done in told] == [1, 2, 3]
    base = slices.train["conflict_occurred"].mean()
    assert all(trial.pr_auc > base and len(trial.fold_pr_auc) == 3 for trial in trials)


def test_names_tell_all_candidates_apart() -> None:
    assert len({candidate.name for candidate in CANDIDATES}) == len(CANDIDATES)


def test_the_best_settings_of_each_type_go_on() -> None:
    other = Candidate("logistic_regression", {"C": 9.0})
    trials = [Trial(LOGISTIC, (0.1,), 0), Trial(other, (0.3,), 0), Trial(FOREST, (0.2,), 0), Trial(FOREST, (), 0)]
    assert [trial.candidate for trial in best_of_each_type(trials)] == [other, FOREST]


@pytest.mark.parametrize("candidate", [LOGISTIC, FOREST, BOOSTING])
def test_a_missing_feature_counts_as_its_default(slices: Split, candidate: Candidate) -> None:
    model = fit(candidate, slices.train)
    missing = slices.holdout.assign(**dict.fromkeys(FEATURE_NAMES, np.nan)).head(3)
    default = missing.assign(**DEFAULTS)
    assert np.array_equal(predict(model, missing), predict(model, default))


@pytest.mark.parametrize("candidate", [LOGISTIC, FOREST, BOOSTING])
def test_the_same_rows_make_the_same_model(slices: Split, candidate: Candidate) -> None:
    one, two = (predict(fit(candidate, slices.train), slices.holdout) for _ in range(2))
    assert np.array_equal(one, two)


def test_the_holdout_decides_nothing(dataset: TrainingSet, slices: Split) -> None:
    """Turn every label of the holdout round: the same choice, the same threshold, the same scores."""
    frame = dataset.frame.copy()
    frame.loc[slices.holdout.index, "conflict_occurred"] ^= True
    turned = by_time(frame)
    trials = [Trial(candidate, (), 0) for candidate in (LOGISTIC, FOREST, BOOSTING)]
    for before, after in zip(finalists(trials, slices), finalists(trials, turned), strict=True):
        assert before.candidate == after.candidate and before.threshold == after.threshold
        assert np.array_equal(before.holdout_scores, after.holdout_scores)
        assert before.holdout["positives"] != after.holdout["positives"]


@pytest.fixture(scope="module")
def report(dataset: TrainingSet, slices: Split) -> Report:
    return gather(dataset, slices, finalists([Trial(LOGISTIC, (), 0)], slices))


def test_a_model_of_the_five_features_beats_guessing_on_real_history(report: Report) -> None:
    assert report.chosen.holdout["pr_auc"] > 1.5 * report.chosen.holdout["base_rate"]
    assert report.baselines["constant"].lead.low > 0
    assert set(report.importances) == set(FEATURE_NAMES)


def test_trained_until_is_the_first_moment_of_the_holdout(report: Report, slices: Split) -> None:
    until = pd.Timestamp(report.trained_until)
    assert slices.validation["received_at"].max() < until <= slices.holdout["received_at"].max()


def test_importances_are_those_of_the_whole_model(slices: Split) -> None:
    """Shuffled behind the steps that fill and scale, as if in front of them; the sigmoid changes no order."""
    few = replace(slices, holdout=slices.holdout.head(800))
    (finalist,) = finalists([Trial(LOGISTIC, (), 0)], few)
    whole = permutation_importance(
        finalist.model,
        few.holdout[list(FEATURE_NAMES)],
        few.holdout["conflict_occurred"],
        scoring="average_precision",
        n_repeats=1,
        random_state=SEED,
    )
    found = importances(finalist, few, repeats=1)
    assert np.allclose([found[name][0] for name in FEATURE_NAMES], whole.importances_mean, atol=1e-9)
