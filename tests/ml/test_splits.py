"""No future in the past, and no push in two places, whatever the rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.dataset import TrainingSet
from ml.splits import PUSH, Split, by_tenant, by_time, folds_by_time, known_at, stratified

START = pd.Timestamp("2026-01-01", tz="UTC")


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Rows of few pushes, some asked long before they were received, some pushes received over days."""
    count = draw(st.integers(12, 60))
    received = draw(st.lists(st.integers(0, 200), min_size=count, max_size=count))
    waited = draw(st.lists(st.integers(0, 300), min_size=count, max_size=count))
    pushes = draw(st.lists(st.integers(0, 15), min_size=count, max_size=count))
    at = START + pd.to_timedelta(received, unit="h")
    return pd.DataFrame(
        {
            "tenant_id": np.where(np.arange(count) % 3 == 0, "a", "b"),
            "sync_session_id": [f"p{push}" for push in pushes],
            "received_at": at,
            "asked_at": at - pd.to_timedelta(waited, unit="h"),
            "conflict_occurred": np.arange(count) % 4 == 0,
        }
    )


@given(frames())
@settings(max_examples=150, deadline=None)
def test_nothing_earlier_was_received_after_its_cut(frame: pd.DataFrame) -> None:
    divided = by_time(frame)
    assert (divided.train["received_at"] < divided.validation_from).all()
    assert (divided.train["asked_at"] < divided.validation_from).all()
    assert (divided.validation["received_at"] < divided.holdout_from).all()
    assert divided.validation_from <= divided.holdout_from


@given(frames())
@settings(max_examples=150, deadline=None)
def test_every_row_has_one_place_and_every_push_one_side(frame: pd.DataFrame) -> None:
    divided = by_time(frame)
    parts = {"train": divided.train, "validation": divided.validation, "holdout": divided.holdout}
    assert sorted(row for part in parts.values() for row in part.index) == sorted(frame.index)
    sides = pd.concat([part.assign(side=name) for name, part in parts.items()]).groupby(PUSH)["side"].nunique()
    assert (sides == 1).all()


@given(frames())
@settings(max_examples=100, deadline=None)
def test_folds_learn_from_before_and_test_on_after(frame: pd.DataFrame) -> None:
    for past, later in folds_by_time(frame):
        if len(later):
            start = known_at(frame).iloc[later].min()
            assert (frame["received_at"].iloc[past] < start).all()
        assert not set(past) & set(later)


@given(frames())
@settings(max_examples=100, deadline=None)
def test_what_comes_after_the_cut_moves_no_row_before_it(frame: pd.DataFrame) -> None:
    """Were the later rows' content to steer the division, the past would know of the future."""
    divided = by_time(frame)
    changed = frame.copy()
    changed.loc[divided.holdout.index, "conflict_occurred"] ^= True
    changed.loc[divided.holdout.index, "asked_at"] -= pd.Timedelta(days=9)
    pd.testing.assert_frame_equal(by_time(changed).train, divided.train)


def test_an_edit_begun_before_the_cut_and_received_after_it_belongs_to_the_later_side(slices: Split) -> None:
    straddling = slices.holdout["asked_at"] < slices.holdout_from
    assert straddling.any()
    assert (slices.holdout.loc[straddling, "received_at"] >= slices.holdout_from).all()


def test_the_real_history_divides_into_usable_slices(slices: Split) -> None:
    sizes = np.array([len(slices.train), len(slices.validation), len(slices.holdout)])
    assert np.allclose(sizes / sizes.sum(), [0.6, 0.2, 0.2], atol=0.02)
    assert slices.is_usable


def test_a_stratified_split_has_equal_shares_and_leaves_nothing_later_than_itself(dataset: TrainingSet) -> None:
    divided = stratified(dataset.frame)
    shares = [part["conflict_occurred"].mean() for part in (divided.train, divided.validation, divided.holdout)]
    assert np.ptp(shares) < 0.01
    assert (dataset.frame["received_at"] < divided.holdout_from).all()
    pushes = [set(zip(*part[PUSH].to_numpy().T, strict=True)) for part in (divided.train, divided.holdout)]
    assert not pushes[0] & pushes[1]


def test_every_tenant_is_in_every_slice_and_its_pushes_are_in_order(rows: pd.DataFrame) -> None:
    later = rows.assign(tenant_id="later", received_at=rows["received_at"] + pd.Timedelta(days=4000))
    slices = by_tenant(pd.concat([rows, later], ignore_index=True))
    parts = (slices.train, slices.validation, slices.holdout)
    assert sum(map(len, parts)) == 2 * len(rows)
    for tenant in ("later", rows["tenant_id"].iloc[0]):
        own = [part[part["tenant_id"] == tenant] for part in parts]
        pushes = [set(part["sync_session_id"]) for part in own]
        assert not (pushes[0] & pushes[1] or pushes[1] & pushes[2] or pushes[0] & pushes[2])
        assert own[0]["received_at"].max() <= own[1]["received_at"].min()
        assert own[1]["received_at"].max() <= own[2]["received_at"].min()
        assert len(pushes[2]) / sum(map(len, pushes)) == pytest.approx(0.3, abs=0.01)
