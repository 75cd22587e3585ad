from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.dataset import MIN_EVENTS, DatasetError, TrainingSet, from_frame, load
from ml.features import FEATURE_NAMES

Change = Callable[[pd.DataFrame], pd.DataFrame]


def test_a_file_is_read_typed_and_counted(rows: pd.DataFrame, tmp_path: Path) -> None:
    file = tmp_path / "training_examples.parquet"
    rows.to_parquet(file)
    read = load(file)
    assert read.event_count == rows["event_id"].nunique() and read.is_sufficient
    assert (read.frame[list(FEATURE_NAMES)].dtypes == "float64").all()
    assert str(read.frame["received_at"].dtype) == "datetime64[us, UTC]"
    assert read.frame["received_at"].is_monotonic_increasing
    assert load(file.as_uri()).digest == read.digest


def test_edits_received_at_the_moment_they_began_are_counted_but_not_learnt_from(dataset: TrainingSet) -> None:
    assert (dataset.frame["asked_at"] < dataset.frame["received_at"]).all()
    assert dataset.instant_rows > 0
    assert dataset.event_count > dataset.frame["event_id"].nunique()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="user_conflict_rate"), "missing columns: user_conflict_rate"),
        (lambda f: f.assign(received_at=f["received_at"].dt.tz_localize(None)), "received_at: expected a time with"),
        (lambda f: f.assign(user_id=None), "user_id: has 50 missing"),
        (lambda f: f.assign(field_overlap_score="much"), "field_overlap_score: expected numbers"),
        (lambda f: f.assign(entity_edit_frequency=-1.0), "entity_edit_frequency: 50 values are negative"),
        (lambda f: f.assign(entity_edit_frequency=np.inf), "entity_edit_frequency: 50 values are negative or inf"),
        (lambda f: f.assign(moment="edit_end"), "moment: unknown edit_end"),
        (lambda f: pd.concat([f, f.head(2)]), "2 rows repeat"),
        (lambda f: f.assign(asked_at=f["received_at"] + pd.Timedelta("1s")), "asked_at: 50 rows were asked after"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(rows: pd.DataFrame, change: Change, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        from_frame(change(rows.head(50)), source="broken")


def test_a_missing_feature_value_is_allowed(rows: pd.DataFrame) -> None:
    missing = rows.head(50).assign(user_conflict_rate=np.nan)
    assert from_frame(missing, source="sparse").frame["user_conflict_rate"].isna().all()


def test_the_digest_names_the_content_whatever_its_order(rows: pd.DataFrame, dataset: TrainingSet) -> None:
    shuffled = from_frame(rows.sample(frac=1, random_state=1), source="elsewhere", days=None)
    assert shuffled.digest == dataset.digest
    touched = rows.copy()
    touched.loc[7, "hours_since_last_sync"] += 1e-9
    assert from_frame(touched, source="history", days=None).digest != dataset.digest


def test_only_the_last_days_are_kept(rows: pd.DataFrame) -> None:
    month = from_frame(rows, source="history", days=30)
    newest = rows["received_at"].max()
    assert month.frame["received_at"].min() >= newest - pd.Timedelta(days=30)
    assert month.event_count == rows.loc[rows["received_at"] >= newest - pd.Timedelta(days=30), "event_id"].nunique()


def test_fewer_than_a_thousand_events_are_a_state(rows: pd.DataFrame) -> None:
    events = rows["event_id"].drop_duplicates()
    some = rows[rows["event_id"].isin(events.head(MIN_EVENTS - 1))]
    enough = rows[rows["event_id"].isin(events.head(MIN_EVENTS))]
    assert not from_frame(some, source="young", days=None).is_sufficient
    assert from_frame(enough, source="grown", days=None).is_sufficient
    assert not from_frame(rows.head(0), source="empty").is_sufficient


def test_mapped_time_confines_a_set_to_its_tenants(rows: pd.DataFrame, dataset: TrainingSet) -> None:
    assert dataset.demo_tenants == ["jupyter-notebook"]
    assert from_frame(rows.assign(is_mapped_time=False), source="real").demo_tenants is None
