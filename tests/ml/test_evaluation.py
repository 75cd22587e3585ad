import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from ml.baselines import BASELINES
from ml.evaluate import (
    _Ranked,
    at_threshold,
    by_group,
    calibration_error,
    measure,
    pr_auc_difference,
)
from ml.splits import Split
from ml.threshold import MEDIUM_PRECISION, choose

LABELS = np.array([False, False, True, False, True])
SCORES = np.array([0.1, 0.2, 0.3, 0.4, 0.9])


def test_the_figures_of_a_slice_worked_out_by_hand() -> None:
    metrics = measure(LABELS, SCORES, 0.3)
    assert metrics["base_rate"] == 0.4
    assert metrics["precision"] == pytest.approx(2 / 3) and metrics["recall"] == 1.0
    assert metrics["f1"] == pytest.approx(0.8)
    assert metrics["warnings_per_100_edits"] == 60.0
    assert metrics["pr_auc"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert metrics["roc_auc"] == pytest.approx(5 / 6)
    assert metrics["brier"] == pytest.approx((0.01 + 0.04 + 0.49 + 0.16 + 0.01) / 5)
    assert metrics["precision_at_recall_30"] == 1.0 and metrics["precision_at_recall_60"] == pytest.approx(2 / 3)
    assert metrics["recall_at_precision_70"] == 0.5 and metrics["recall_at_precision_50"] == 1.0


def test_no_warning_at_all_has_precision_zero() -> None:
    assert at_threshold(LABELS, SCORES, 0.95) == {
        "precision": 0.0,
        "recall": 0.0,
        "f1": 0.0,
        "warnings_per_100_edits": 0.0,
        "averted_per_100_warnings": 0.0,
    }


def test_a_slice_of_one_class_has_no_ranking_figures() -> None:
    metrics = measure(np.zeros(4, dtype=bool), np.full(4, 0.2), 0.5)
    assert "pr_auc" not in metrics and metrics["rows"] == 4


def test_a_score_that_means_what_it_says_has_no_calibration_error() -> None:
    labels = np.tile(np.arange(10) < 3, 100)
    rng = np.random.default_rng(3)
    assert calibration_error(labels, np.full(1000, 0.3) + rng.random(1000) * 1e-9) < 0.05
    assert calibration_error(labels, np.full(1000, 0.9)) == pytest.approx(0.6, abs=0.01)


def test_groups_add_up_to_the_whole(slices: Split) -> None:
    scores = np.linspace(0, 1, len(slices.holdout))
    groups = by_group(slices.holdout, scores, 0.5, "moment")
    assert set(groups) == {"edit_start", "edit_open"}
    assert sum(group["rows"] for group in groups.values()) == len(slices.holdout)


def test_the_interval_holds_the_difference_and_widens_when_pushes_are_few(slices: Split) -> None:
    frame = slices.holdout
    truth = frame["conflict_occurred"].to_numpy()
    noise = np.random.default_rng(5).random(len(frame))
    better, worse = truth * 0.5 + noise, noise
    interval = pr_auc_difference(frame, better, worse)
    assert 0 < interval.low < interval.high
    torn = pr_auc_difference(frame.assign(sync_session_id=np.arange(len(frame)).astype(str)), better, worse)
    assert torn.high - torn.low < interval.high - interval.low
    assert pr_auc_difference(frame, better, better).low == 0


def test_the_resampled_pr_auc_is_the_standard_one_with_weights(slices: Split) -> None:
    rng = np.random.default_rng(9)
    labels = slices.holdout["conflict_occurred"].to_numpy()
    scores = slices.holdout["entity_edit_frequency"].to_numpy().round(2)  # with many ties
    weights = rng.integers(0, 4, len(labels))
    expected = average_precision_score(labels, scores, sample_weight=weights)
    assert _Ranked(labels, scores).pr_auc(weights) == pytest.approx(expected, abs=1e-12)


def test_baselines_know_the_past_and_others_activity(slices: Split) -> None:
    scores = {name: baseline(slices.train, slices.holdout) for name, baseline in BASELINES.items()}
    assert np.all(scores["constant"] == slices.train["conflict_occurred"].mean())
    busy = slices.holdout["concurrent_editors"].to_numpy() > 0
    assert scores["changed_by_others_recently"][busy].min() > scores["changed_by_others_recently"][~busy].max()
    assert {"logistic_on_five", "peer"} <= scores.keys()


def test_the_threshold_takes_the_most_recall_at_the_promised_precision() -> None:
    labels = np.repeat([True, False, True, False], [40, 10, 10, 200])
    scores = np.repeat([0.9, 0.8, 0.6, 0.1], [40, 10, 10, 200])
    chosen = choose(labels, scores)
    assert chosen.value == 0.6 and "0.7 or more" in chosen.reason
    assert chosen.medium <= chosen.value


def test_where_the_promise_is_out_of_reach_the_threshold_keeps_close_to_it_and_says_so() -> None:
    """One hit among thirty warnings decides whether .7 is reached, and not where on the scale one warns."""
    scores = np.repeat([0.9, 0.5], [30, 100])
    few_more = [np.repeat([True, False, True, False], [hits, 30 - hits, 30, 70]) for hits in (21, 20)]
    chosen = [choose(labels, scores) for labels in few_more]
    assert [one.value for one in chosen] == [0.9, 0.9]
    assert "0.7 or more" in chosen[0].reason and "0.65 or more" in chosen[1].reason


def test_where_no_precision_worth_the_name_is_reached_the_threshold_is_that_of_the_best_f1() -> None:
    labels = np.tile([True] + 9 * [False], 50)
    chosen = choose(labels, np.where(labels, 0.4, np.tile([0] + 7 * [0.4] + 2 * [0.1], 50)))
    assert chosen.value == 0.4 and "best F1" in chosen.reason


def test_medium_is_where_a_hint_is_still_worth_it() -> None:
    labels = np.tile([True, False, False, False, False, False, False, False, False, False], 60)
    # from .9 on all collide, from .5 on two in five, from .3 on one in ten
    scores = np.where(labels, np.repeat([0.9, 0.5, 0.3], 200), np.where(np.arange(600) % 10 < 2, 0.5, 0.3))
    chosen = choose(labels, scores)
    assert (chosen.value, chosen.medium) == (0.9, 0.5)
    assert MEDIUM_PRECISION <= labels[scores >= chosen.medium].mean() < labels[scores >= chosen.value].mean()


def test_a_precision_that_rests_on_a_handful_of_warnings_is_not_believed() -> None:
    labels = np.array([True] * 3 + [False, True] * 60)
    scores = np.array([0.99] * 3 + [0.2] * 120)
    assert choose(labels, scores).value == 0.2


def test_no_conflict_no_threshold() -> None:
    with pytest.raises(ValueError, match="without conflicts"):
        choose(np.zeros(5, dtype=bool), pd.Series(range(5)).to_numpy(dtype=float))
