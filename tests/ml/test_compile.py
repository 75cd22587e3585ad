"""The model that serves is the model that was judged."""

from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline

from ml.calibration import calibrated
from ml.compile import EXAMPLES, compiled, matrix, parts, prove, write
from ml.estimators import CANDIDATES, Candidate
from ml.features import FEATURE_NAMES, MOMENTS, manifest_features
from ml.splits import Split
from ml.tracking import TRUSTED_TYPES
from ml.tune import fit, predict
from runtime import Boosting, Forest, Linear, Manifest
from runtime.files import EXAMPLES_FILE

LOGISTIC, FOREST, BOOSTING = (
    next(candidate for candidate in reversed(CANDIDATES) if candidate.model_type == model_type)
    for model_type in ("logistic_regression", "random_forest", "gradient_boosting")
)


@pytest.fixture(scope="module")
def fitted(slices: Split) -> dict[str, Pipeline]:
    """Each of them fitted once, by its type; not to be changed."""
    return {candidate.model_type: fit(candidate, slices.train) for candidate in (LOGISTIC, FOREST, BOOSTING)}


def manifest(candidate: Candidate) -> Manifest:
    return Manifest(
        model_type=candidate.model_type,
        features=manifest_features(),
        threshold=0.5,
        medium_threshold=0.2,
        moments=list(MOMENTS),
        tenants=None,
        trained_until="2026-01-01T00:00:00+00:00",
        metrics={},
    )


@pytest.mark.parametrize(("candidate", "kind"), [(LOGISTIC, Linear), (FOREST, Forest), (BOOSTING, Boosting)])
def test_both_forms_answer_alike_on_the_whole_holdout(
    fitted: dict[str, Pipeline],
    slices: Split,
    tmp_path: Path,
    candidate: Candidate,
    kind: type[Linear | Forest | Boosting],
) -> None:
    model = fitted[candidate.model_type]
    assert isinstance(compiled(model), kind)
    proof = prove(model, write(tmp_path / "runtime", manifest(candidate), model, slices.holdout), slices.holdout)
    assert proof.holds and proof.rows == len(slices.holdout)
    assert proof.max_difference <= (1e-12 if kind is Linear else 0.0)


@pytest.mark.parametrize("candidate", [LOGISTIC, FOREST, BOOSTING])
def test_a_calibrated_model_answers_alike_and_ranks_as_before(
    fitted: dict[str, Pipeline], slices: Split, tmp_path: Path, candidate: Candidate
) -> None:
    plain = fitted[candidate.model_type]
    model = calibrated(plain, slices.validation)
    served = write(tmp_path / "runtime", manifest(candidate), model, slices.holdout)
    assert parts(model)[1] and served.manifest.calibration
    proof = prove(model, served, slices.holdout)
    assert proof.holds
    assert proof.max_difference <= (1e-12 if candidate is LOGISTIC else 0.0)
    before, after = predict(plain, slices.holdout), predict(model, slices.holdout)
    assert np.all(np.diff(after[np.argsort(before, kind="stable")]) >= 0) and not np.allclose(before, after)


def test_a_slice_with_a_handful_of_conflicts_calibrates_nothing(fitted: dict[str, Pipeline], slices: Split) -> None:
    plain = fitted[LOGISTIC.model_type]
    few = slices.validation[slices.validation["conflict_occurred"]].head(5)
    assert calibrated(plain, few) is plain


@pytest.mark.parametrize("candidate", [LOGISTIC, FOREST, BOOSTING])
def test_missing_values_and_values_on_a_tree_s_thresholds_answer_alike(
    fitted: dict[str, Pipeline], slices: Split, tmp_path: Path, candidate: Candidate
) -> None:
    model = fitted[candidate.model_type]
    served = write(tmp_path / "runtime", manifest(candidate), model, slices.holdout)
    hard = slices.holdout.head(400).copy()
    hard.loc[hard.index[::3], "user_conflict_rate"] = np.nan
    trees = compiled(model)
    if not isinstance(trees, Linear):
        for column, name in enumerate(FEATURE_NAMES):
            cuts = np.unique(trees.threshold[trees.feature == column])
            hard[name] = np.nextafter(np.resize(cuts, len(hard)), np.resize([0, np.inf], len(hard)))
    assert prove(model, served, hard).holds


def test_examples_reach_from_the_lowest_score_to_the_highest(
    fitted: dict[str, Pipeline], slices: Split, tmp_path: Path
) -> None:
    model = fitted[FOREST.model_type]
    write(tmp_path / "runtime", manifest(FOREST), model, slices.holdout)
    scores = predict(model, slices.holdout)
    with np.load(tmp_path / "runtime" / EXAMPLES_FILE) as saved:
        assert len(saved["p"]) == EXAMPLES
        assert saved["p"].min() == scores.min() and saved["p"].max() == scores.max()


def test_a_difference_is_found(fitted: dict[str, Pipeline], slices: Split, tmp_path: Path) -> None:
    served = write(tmp_path / "runtime", manifest(FOREST), fitted[FOREST.model_type], slices.holdout)
    other = fit(FOREST, slices.train.iloc[:-50])
    assert not prove(other, served, slices.holdout).holds
    assert not prove(other, served, slices.holdout.head(0)).holds


def test_what_has_no_compiled_form_is_refused(slices: Split) -> None:
    model = fit(LOGISTIC, slices.train)
    model.steps[-1] = ("model", object())
    with pytest.raises(TypeError, match="no compiled form for object"):
        compiled(model)


def test_boosting_that_the_arrays_cannot_hold_is_refused() -> None:
    x = np.random.default_rng(0).integers(0, 5, size=(200, 2)).astype(float)
    categorical = HistGradientBoostingClassifier(max_iter=2, categorical_features=[0]).fit(x, x[:, 0] > 2)
    with pytest.raises(TypeError, match="categorical features"):
        compiled(Pipeline([("model", categorical)]))
    with pytest.raises(TypeError, match="5 classes"):
        compiled(Pipeline([("model", HistGradientBoostingClassifier(max_iter=2).fit(x, x[:, 0]))]))


@pytest.mark.parametrize("candidate", [LOGISTIC, FOREST, BOOSTING])
def test_the_reviewed_types_are_enough_to_read_the_reference_back(slices: Split, candidate: Candidate) -> None:
    model = fit(candidate, slices.train.head(1500))
    read = skops.io.loads(skops.io.dumps(model), trusted=list(TRUSTED_TYPES))
    assert np.array_equal(predict(read, slices.holdout), predict(model, slices.holdout))


def test_the_matrix_fills_defaults_in_the_contract_s_order(slices: Split) -> None:
    row = slices.holdout.head(1).assign(hours_since_last_sync=np.nan, field_overlap_score=0.25)
    assert matrix(row)[0, 1] == 168.0 and matrix(row)[0, 4] == 0.25
