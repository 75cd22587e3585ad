"""Figures of answers: those of scikit-learn, with intervals that know of pushes and weights; too few is said."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, precision_score, recall_score

from ml.features import TARGET
from ml.quality import FIGURES, quality


def answers(pushes: int = 300, of_each: int = 2, *, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    chance = np.repeat(rng.beta(1, 6, pushes), of_each)
    score = np.round(np.clip(chance, 0, 1), 2)
    return pd.DataFrame(
        {
            "tenant_id": "t",
            "sync_session_id": np.repeat([f"p{n}" for n in range(pushes)], of_each),
            "moment": "edit_start",
            "score": score,
            "warned": score >= 0.25,
            TARGET: np.repeat(rng.random(pushes), of_each) < chance,
            "weight": 1.0,
        }
    )


def test_the_figures_are_the_field_s_own() -> None:
    frame = answers()
    found, labels = quality(frame), frame[TARGET].to_numpy()
    assert set(found.figures) == set(FIGURES)
    values = {name: figure.value for name, figure in found.figures.items()}
    assert values == pytest.approx(
        {
            "base_rate": labels.mean(),
            "precision": precision_score(labels, frame["warned"]),
            "recall": recall_score(labels, frame["warned"]),
            "pr_auc": average_precision_score(labels, frame["score"]),
            "calibration_ratio": frame["score"].sum() / labels.sum(),
        }
    )
    assert all(figure.low < figure.value < figure.high for figure in found.figures.values())


def test_edits_of_one_push_are_no_evidence_of_their_own() -> None:
    frame = answers(of_each=1)
    again = pd.concat([frame] * 6, ignore_index=True)
    once, repeated = quality(frame).figures["recall"], quality(again).figures["recall"]
    assert repeated.value == pytest.approx(once.value)
    assert repeated.high - repeated.low == pytest.approx(once.high - once.low, rel=0.2)


def test_a_row_counts_for_as_many_edits_as_it_stands_for() -> None:
    frame = answers()
    weighted = quality(frame.assign(weight=np.where(frame["warned"], 3.0, 1.0))).figures
    labels, weight = frame[TARGET], np.where(frame["warned"], 3.0, 1.0)
    assert weighted["recall"].value == pytest.approx(recall_score(labels, frame["warned"], sample_weight=weight))
    assert weighted["pr_auc"].value == pytest.approx(
        average_precision_score(labels, frame["score"], sample_weight=weight)
    )
    assert weighted["precision"].value == pytest.approx(quality(frame).figures["precision"].value)


def test_too_few_rows_are_counted_and_nothing_is_concluded() -> None:
    few = quality(answers(pushes=10))
    assert not few.is_enough and few.rows == 20 and few.figures == {}
    assert quality(answers().head(0)).rows == 0


def test_without_a_warning_there_is_no_precision() -> None:
    found = quality(answers().assign(warned=False))
    assert "precision" not in found.figures and found.figures["recall"].value == 0.0


def test_no_hit_among_few_conflicts_is_no_certainty() -> None:
    """Nothing of 21 pushes caught: the true share may still be 16 %."""
    frame = answers(pushes=200, of_each=1).assign(**{TARGET: np.arange(200) < 21}, warned=np.arange(200) > 150)
    found = quality(frame).figures
    assert found["recall"].value == 0.0 and found["recall"].high == pytest.approx(1 - 0.025 ** (1 / 21))
    caught = quality(frame.assign(warned=True)).figures["recall"]
    assert caught.value == 1.0 and caught.low == pytest.approx(0.025 ** (1 / 21)) and caught.high == 1.0
