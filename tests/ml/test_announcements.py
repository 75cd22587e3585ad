"""A push at a lower share of announcing clients: silent as if it had never said anything, or as it is."""

import pandas as pd
import pytest

from ml.announcements import SHARES, at_share, at_shares
from ml.dataset import TrainingSet
from ml.features import DEFAULTS, FEATURE_NAMES, FEATURES


@pytest.fixture(scope="module")
def frame(dataset: TrainingSet) -> pd.DataFrame:
    return dataset.frame


def test_everybody_is_what_was_recorded(frame: pd.DataFrame) -> None:
    assert set(frame["is_announced"]) == {0.0, 1.0}
    pd.testing.assert_frame_equal(at_share(frame, 1.0), frame)


def test_nobody_is_known_by_what_others_do_and_by_the_past_alone(frame: pd.DataFrame) -> None:
    silent = at_share(frame, 0.0)
    of_announcements = {f.name for f in FEATURES if f.is_of_announcement}

    assert (frame[list(of_announcements)] != pd.Series(DEFAULTS)[list(of_announcements)]).any().all()
    for name in of_announcements:
        assert (silent[name] == DEFAULTS[name]).all(), name
    assert (silent["field_overlap_score"] == frame["silent_overlap_score"]).all()
    untouched = [name for name in frame if name not in of_announcements | {"field_overlap_score"}]
    assert {"open_edits", "open_edits_same_user", "concurrent_editors"} <= set(untouched)
    pd.testing.assert_frame_equal(silent[untouched], frame[untouched])


def test_a_push_announces_whole_or_not_at_all_and_at_every_higher_share(frame: pd.DataFrame) -> None:
    announcing = {share: _announcing(at_share(frame, share)) for share in (0.0, 0.3, 0.5, 1.0)}

    assert announcing[0.0] == set()
    assert announcing[0.3] < announcing[0.5] < announcing[1.0] == _announcing(frame)
    assert len(announcing[0.5]) == pytest.approx(len(announcing[1.0]) / 2, rel=0.2)
    half = at_share(frame, 0.5)
    kept = half["sync_session_id"].isin(announcing[0.5]) | (frame["is_announced"] == 0)
    pd.testing.assert_frame_equal(half[kept], frame[kept])


def test_an_edit_weighs_the_same_whether_it_announced_or_not(frame: pd.DataFrame) -> None:
    met = at_shares(frame)

    assert len(met) == len(SHARES) * len(frame)
    assert met.groupby(["event_id", "moment"]).size().nunique() == 1
    assert met["conflict_occurred"].mean() == frame["conflict_occurred"].mean()
    assert met["is_announced"].mean() == pytest.approx(frame["is_announced"].mean() / 2)
    assert met[list(FEATURE_NAMES)].notna().all().all()


def _announcing(frame: pd.DataFrame) -> set[str]:
    return set(frame.loc[frame["is_announced"] == 1, "sync_session_id"])
