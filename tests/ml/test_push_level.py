import pandas as pd
import pytest

from ml.dataset import TrainingSet, from_frame
from ml.features import FEATURE_NAMES
from ml.push_level import how, questions


def pushes(frame: pd.DataFrame) -> pd.core.groupby.DataFrameGroupBy:  # type: ignore[type-arg]  # of any key
    return frame.groupby(["tenant_id", "sync_session_id"])


def test_a_push_is_asked_about_once_at_each_moment_with_the_worst_of_its_records(dataset: TrainingSet) -> None:
    rows = questions(dataset.frame)
    assert not rows.duplicated(["tenant_id", "sync_session_id", "moment"]).any()
    for row in rows[rows["moment"] == "edit_start"].head(40).itertuples():
        push = dataset.frame[(dataset.frame["sync_session_id"] == row.sync_session_id)]
        begun = push[(push["moment"] == "edit_start") & (push["asked_at"] == push["asked_at"].min())]
        assert row.asked_at == begun["asked_at"].min()
        for name in FEATURE_NAMES:
            assert getattr(row, name) == begun[name].agg(how(name)), name


def test_a_push_conflicts_when_any_of_its_records_does_though_it_was_not_begun_when_asked(dataset: TrainingSet) -> None:
    rows = questions(dataset.frame)
    fate = pushes(dataset.frame)["conflict_occurred"].any()
    assert rows["conflict_occurred"].sum() == sum(
        fate[key] for key in zip(rows["tenant_id"], rows["sync_session_id"], strict=True)
    )
    start = rows[rows["moment"] == "edit_start"]
    assert start["conflict_occurred"].sum() == fate.sum()


def test_questions_about_pushes_are_a_training_set_like_any_other(dataset: TrainingSet) -> None:
    again = from_frame(questions(dataset.frame), source="pushes", days=None)
    assert len(again.frame) and again.instant_rows == 0
    assert list(again.frame.columns) == list(dataset.frame.columns)


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        ("concurrent_editors", "max"),
        ("hours_since_last_sync", "min"),
        ("fields_behind", "sum"),
        ("records_open", "sum"),
        ("edit_age_hours", "max"),
    ],
)
def test_what_counts_of_the_records_of_a_push(feature: str, expected: str) -> None:
    assert how(feature) == expected
