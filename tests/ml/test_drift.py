"""Drift: the index is the book's, chance is told from change, and what a version keeps is enough to work it out."""

import json

import numpy as np
import pandas as pd
import pytest

from ml.drift import Profile, drift, profile
from ml.features import FEATURE_NAMES

FEATURE = "user_conflict_rate"


def rows(values: np.ndarray) -> pd.DataFrame:
    """As many pushes of one row as there are values, of one feature; the others never change."""
    frame = pd.DataFrame(dict.fromkeys(FEATURE_NAMES, np.zeros(len(values))))
    named = frame.assign(tenant_id="t", sync_session_id=[f"p{n}" for n in range(len(values))])
    return named.assign(**{FEATURE: values})


def of_feature(trained: np.ndarray, now: np.ndarray) -> tuple[float, float]:
    found = {one.feature: one for one in drift(profile(rows(trained)), rows(now))}
    return found[FEATURE].psi, found[FEATURE].chance


def test_the_index_is_the_sum_over_bins() -> None:
    """Half and half before, nine to one now: (0.9 - 0.5) ln(0.9 / 0.5) + (0.1 - 0.5) ln(0.1 / 0.5)."""
    before, now = np.repeat([0.0, 1.0], 50_000), np.repeat([0.0, 1.0], [90_000, 10_000])
    psi, _ = of_feature(before, now)
    assert psi == pytest.approx(0.4 * np.log(1.8) - 0.4 * np.log(0.2), rel=1e-3)


def test_other_draws_of_the_same_stay_below_chance_and_a_shift_does_not() -> None:
    rng = np.random.default_rng(3)
    same = [of_feature(rng.exponential(1, 2000), rng.exponential(1, 80)) for _ in range(60)]
    assert sum(psi > chance for psi, chance in same) <= 2
    assert max(psi for psi, _ in same) > 0.1  # the custom alone would have cried wolf
    psi, chance = of_feature(rng.exponential(1, 2000), rng.exponential(3, 80))
    assert psi > 0.25 and psi > chance


def test_a_feature_that_was_always_one_value_is_seen_to_move() -> None:
    psi, chance = of_feature(np.zeros(500), np.repeat([0.0, 1.0], [50, 50]))
    assert psi > max(0.25, chance)


def test_values_that_go_missing_are_seen() -> None:
    rng = np.random.default_rng(4)
    now = rng.random(300)
    now[:150] = np.nan
    psi, chance = of_feature(rng.random(1000), now)
    assert psi > max(0.25, chance)


def test_what_is_stored_is_all_that_is_needed() -> None:
    rng = np.random.default_rng(5)
    before, now = profile(rows(rng.random(1000))), rows(rng.random(200) ** 2)
    again = Profile.from_json(json.loads(json.dumps(before.as_json())))
    assert again == before and drift(again, now) == drift(before, now)
    assert set(before.features) == set(FEATURE_NAMES)
    assert all(sum(one.shares) == pytest.approx(1.0) for one in before.features.values())


def test_no_rows_have_not_drifted() -> None:
    assert drift(profile(rows(np.zeros(10))), rows(np.zeros(0))) == []
