"""Who may serve: real versions in a real registry, judged on the same later rows."""

import tempfile
from dataclasses import replace
from itertools import product
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from sklearn.pipeline import Pipeline

from ml import registry, tracking
from ml.compile import compiled, matrix
from ml.dataset import TrainingSet, from_frame
from ml.estimators import Candidate
from ml.features import FEATURE_NAMES, MOMENTS, TARGET, manifest_features
from ml.findings import compared
from ml.gate import GateClosedError, GateDecision, judge, promote
from ml.push_level import questions
from ml.splits import Split, by_time, split
from ml.train import train
from ml.tune import fit, predict
from runtime import Linear, Manifest, save

LOGISTIC = (Candidate("logistic_regression", {"C": 0.1}),)
FOREST = (Candidate("random_forest", {"max_depth": 5, "min_samples_leaf": 30, "max_features": 2}),)

pytestmark = pytest.mark.usefixtures("empty_registry")


class Shelf:
    """Models trained once; asked for again, they are registered anew as the next version."""

    def __init__(self, dataset: TrainingSet) -> None:
        early = from_frame(dataset.frame.iloc[: int(len(dataset.frame) * 0.7)], source="early", days=None)
        self.early = early
        self._recipes: dict[str, tuple[TrainingSet, tuple[Candidate, ...]]] = {
            "logistic": (dataset, LOGISTIC),
            "forest": (dataset, FOREST),
            "misled": (misled(dataset), LOGISTIC),
            "early": (early, LOGISTIC),
            "probe": (foreseeing(dataset), LOGISTIC),
        }
        self._made: dict[str, tuple[str, str, dict[str, str]]] = {}

    def register(self, name: str) -> str:
        """Answers the number of the version, which `challenger` names."""
        if name in self._made:
            return registry.register(*self._made[name], description=name).version
        data, candidates = self._recipes[name]
        version = train(data, git_commit=name, candidates=candidates, rounds=0).version
        assert version is not None
        found = MlflowClient().get_model_version(registry.MODEL_NAME, version)
        self._made[name] = (found.source.removeprefix("models:/"), found.run_id, dict(found.tags))
        return version


@pytest.fixture(scope="module")
def shelf(mlflow_server: str, dataset: TrainingSet) -> Shelf:
    return Shelf(dataset)


def misled(dataset: TrainingSet) -> TrainingSet:
    """The same rows, but what the model learns from has its labels the wrong way round."""
    frame = dataset.frame.copy()
    divided = by_time(frame)
    for part in (divided.train, divided.validation):
        score = part["field_overlap_score"] + part["user_conflict_rate"] + part["entity_edit_frequency"]
        frame.loc[part.index, "conflict_occurred"] = score <= score.quantile(0.05)
    return from_frame(frame, source="misled", days=None)


def foreseeing(dataset: TrainingSet) -> TrainingSet:
    """The same rows, but one feature has seen how the edit ends."""
    told = dataset.frame["field_overlap_score"] / 10 + dataset.frame[TARGET]
    return from_frame(dataset.frame.assign(field_overlap_score=told), source="probe", days=None)


def tags(version: str) -> dict[str, str]:
    return registry.get(version).tags


def test_with_no_challenger_there_is_nothing_to_judge(dataset: TrainingSet) -> None:
    assert judge(dataset) == GateDecision(None, False, "there is no challenger to judge")


def test_the_first_model_passes_when_it_beats_guessing_and_is_then_champion(shelf: Shelf, dataset: TrainingSet) -> None:
    version = shelf.register("logistic")
    decision = judge(dataset)
    assert decision.passed and decision.version == version and decision.champion is None
    assert decision.numbers["interval_low"] > 0 and decision.numbers["max_compiled_difference"] <= 1e-12
    assert tags(version)["validation_status"] == "passed"
    assert "beats the constant baseline" in tags(version)["gate_reason"]
    stored = mlflow.artifacts.load_dict(f"runs:/{registry.get(version).run_id}/gate/against-none.json")
    assert stored == decision.as_json()
    assert registry.resolve(registry.CHAMPION) is None
    assert promote(decision) == version and promote(decision) == version
    champion = registry.resolve(registry.CHAMPION)
    assert champion is not None and champion.version == version


def test_a_first_model_that_only_guesses_stays_out(shelf: Shelf, dataset: TrainingSet) -> None:
    version = shelf.register("misled")
    decision = judge(dataset)
    assert not decision.passed and "does not beat the constant baseline" in decision.reason
    assert tags(version)["validation_status"] == "rejected"
    with pytest.raises(GateClosedError, match="stays out"):
        promote(decision)
    assert registry.resolve(registry.CHAMPION) is None


def test_a_second_run_on_the_same_data_is_stable(shelf: Shelf, dataset: TrainingSet) -> None:
    version = shelf.register("logistic")
    promote(judge(dataset))
    assert train(dataset, git_commit="logistic", candidates=LOGISTIC, rounds=0).version == version
    decision = judge(dataset)
    assert decision.passed and decision.reason == "already the champion"
    assert promote(decision) == version
    assert tags(version)["validation_status"] == "passed"


def test_a_challenger_that_holds_takes_over_and_a_worse_one_does_not(shelf: Shelf, dataset: TrainingSet) -> None:
    first = shelf.register("forest")
    promote(judge(dataset))
    second = shelf.register("logistic")
    decision = judge(dataset)
    assert decision.passed and decision.champion == first and decision.numbers["champion_pr_auc"] > 0
    assert promote(decision) == second
    third = shelf.register("misled")
    worse = judge(dataset)
    assert not worse.passed and worse.version == third and f"worse than champion {second}" in worse.reason
    assert worse.numbers["interval_high"] < 0
    assert tags(third)["validation_status"] == "rejected"
    champion = registry.resolve(registry.CHAMPION)
    assert champion is not None and champion.version == second


def test_both_are_judged_on_rows_later_than_either_s_training(
    shelf: Shelf, dataset: TrainingSet, slices: Split
) -> None:
    """A champion trained until later than the challenger must not be judged on rows that it learnt from."""
    shelf.register("logistic")
    promote(judge(dataset))
    shelf.register("early")
    assert judge(dataset).numbers["rows"] == len(slices.holdout)


def test_too_few_later_rows_block(shelf: Shelf, dataset: TrainingSet) -> None:
    shelf.register("logistic")
    decision = judge(shelf.early)
    assert not decision.passed and "came after training" in decision.reason


def test_a_stratified_split_gives_no_ground_for_promotion(dataset: TrainingSet) -> None:
    train(dataset, git_commit="one", candidates=LOGISTIC, rounds=0, strategy="stratified")
    assert "0 rows with 0 conflicts came after training" in judge(dataset).reason


def by_hand(
    slices: Split, reference: Pipeline, served: Linear | None = None, pushes: Pipeline | None = None, tag: str = "hand"
) -> str:
    """Register these models, fitted elsewhere on the training slice; answers the version."""
    with tracking.parent_run("by hand", {}) as run, tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "runtime"
        levels = [(reference, served, slices, folder)]
        if pushes is not None:
            levels.append((pushes, None, of_pushes(slices), folder / tracking.PUSH))
        for model, form, cut, where in levels:
            manifest = Manifest(
                model_type="logistic_regression",
                features=manifest_features(),
                threshold=0.5,
                medium_threshold=0.2,
                moments=list(MOMENTS),
                tenants=None,
                trained_until=cut.holdout_from.isoformat(),
                metrics={},
            )
            rows = cut.holdout.head(20)
            save(where, manifest, form or compiled(model), matrix(rows), predict(model, rows))
        model_id = tracking.log_model(reference, pushes, folder, slices.holdout.head(20), {})
    tags = {"trained_until": slices.holdout_from.isoformat()}
    return registry.register(model_id, run.info.run_id, tags, tag).version


def of_pushes(slices: Split) -> Split:
    """The same edits cut as pushes, which is not at the same times."""
    return split(questions(pd.concat([slices.train, slices.validation, slices.holdout])))


@pytest.mark.parametrize("off_by", [1e-10, 0.0])
def test_a_compiled_model_that_differs_from_the_reference_blocks(
    dataset: TrainingSet, slices: Split, off_by: float
) -> None:
    """The examples in the folder allow 1e-9; the gate allows a regression 1e-12."""
    reference = fit(LOGISTIC[0], slices.train)
    exact = compiled(reference)
    assert isinstance(exact, Linear)
    by_hand(slices, reference, replace(exact, intercept=exact.intercept + off_by))
    decision = judge(dataset)
    assert decision.passed is (off_by == 0.0)
    assert ("compiled and reference differ" in decision.reason) is (off_by > 0)


def test_a_risk_that_falls_for_whoever_is_further_behind_blocks(dataset: TrainingSet, slices: Split) -> None:
    """As a regression had it that had seen few rows far behind."""
    model = fit(LOGISTIC[0], slices.train)
    model.named_steps["model"].coef_[0, FEATURE_NAMES.index("versions_behind")] = -1.0
    version = by_hand(slices, model)
    decision = judge(dataset)
    assert not decision.passed and "more of it lowers the risk: versions_behind" in decision.reason
    assert tags(version)["gate/record/monotone"].startswith("blocked")
    assert tags(version)["gate/record/compiled"].startswith("passed")


def test_pushes_are_judged_on_what_came_after_their_own_training(
    shelf: Shelf, dataset: TrainingSet, slices: Split
) -> None:
    """Their slices are cut at other times than those of records."""
    shelf.register("logistic")
    numbers = judge(dataset).numbers
    later = of_pushes(slices)
    assert later.holdout_from > slices.holdout_from
    assert (numbers["rows"], numbers["push_rows"]) == (len(slices.holdout), len(later.holdout))
    assert numbers["push_base_rate"] > numbers["base_rate"]
    assert numbers["push_max_compiled_difference"] <= 1e-12
    assert {"edit_start_interval_low", "edit_open_interval_low", "push_edit_start_difference"} <= set(numbers)


def test_a_version_that_is_worse_about_pushes_stays_out_however_good_about_records(
    shelf: Shelf, dataset: TrainingSet, slices: Split
) -> None:
    champion = shelf.register("logistic")
    promote(judge(dataset))
    good, past = fit(LOGISTIC[0], slices.train), of_pushes(slices).train
    blind = fit(LOGISTIC[0], past.assign(**{TARGET: np.arange(len(past)) % 16 == 0}))
    version = by_hand(slices, good, pushes=blind)
    decision = judge(dataset)
    assert not decision.passed and f"push: worse than champion {champion}" in decision.reason
    assert tags(version)["gate/push/comparison"].startswith("blocked")
    assert tags(version)["gate/record/comparison"].startswith("passed")


def test_a_version_that_no_longer_answers_about_pushes_stays_out(
    shelf: Shelf, dataset: TrainingSet, slices: Split
) -> None:
    champion = shelf.register("logistic")
    promote(judge(dataset))
    by_hand(slices, fit(LOGISTIC[0], slices.train))
    decision = judge(dataset)
    assert (
        not decision.passed and f"too few pushes to answer about whole ones, as champion {champion}" in decision.reason
    )


def test_a_moment_at_which_it_is_worse_is_named(slices: Split) -> None:
    """All together it holds: what it loses while edits are open, it wins where they begin."""
    rows = slices.holdout
    knows = predict(fit(LOGISTIC[0], slices.train), rows)
    is_open = (rows["moment"] == "edit_open").to_numpy()
    ours = np.where(is_open, -knows, knows + rows[TARGET].to_numpy())
    finding, numbers = compared("record", rows, ours, knows, champion="champion 1")
    assert numbers["difference"] > 0 > numbers["edit_open_interval_high"]
    assert not finding.passed and finding.said.startswith("worse than champion 1 (edit_open)")


def test_a_decision_that_time_has_overtaken_does_not_promote(shelf: Shelf, dataset: TrainingSet) -> None:
    first = shelf.register("forest")
    promote(judge(dataset))
    shelf.register("logistic")
    stale = judge(dataset)
    third = shelf.register("early")
    registry.promote(third)
    with pytest.raises(GateClosedError, match=f"judged against champion {first}, but {third} serves now"):
        promote(stale)


def test_looking_without_recording_leaves_no_trace(shelf: Shelf, dataset: TrainingSet) -> None:
    version = shelf.register("logistic")
    assert judge(dataset, version=version, record=False).passed
    assert tags(version)["validation_status"] == "pending"


def test_a_version_that_does_not_exist_cannot_be_judged(dataset: TrainingSet) -> None:
    with pytest.raises(registry.NoSuchVersionError, match="no version 77"):
        judge(dataset, version="77")


def test_what_an_operator_rolled_back_stays_out_until_an_operator_says_otherwise(
    shelf: Shelf, dataset: TrainingSet
) -> None:
    first = shelf.register("forest")
    promote(judge(dataset))
    second = shelf.register("logistic")
    promote(judge(dataset))
    assert registry.rollback().version == first
    assert train(dataset, git_commit="logistic", candidates=LOGISTIC, rounds=0).version == second
    refused = judge(dataset)
    assert not refused.passed and "rolled back" in refused.reason
    assert registry.promote(second).version == second
    assert judge(dataset).reason == "already the champion"


def test_a_model_that_has_seen_the_future_is_caught_however_good_it_looks(shelf: Shelf, dataset: TrainingSet) -> None:
    shelf.register("logistic")
    promote(judge(dataset))
    probe = shelf.register("probe")
    decision = judge(foreseeing(dataset))
    assert decision.version == probe and decision.numbers["challenger_pr_auc"] > 0.9
    assert not decision.passed and "knows how the edit ends: field_overlap_score" in decision.reason
    assert tags(probe)["gate/record/leakage"].startswith("blocked") and tags(probe)[
        "gate/record/comparison"
    ].startswith("passed")
    with pytest.raises(GateClosedError, match="knows how the edit ends"):
        promote(decision)


def test_scores_that_are_no_probabilities_block(shelf: Shelf, dataset: TrainingSet, slices: Split) -> None:
    """Conflicts have become far more frequent than the model ever says."""
    version = shelf.register("logistic")
    frame = dataset.frame.copy()
    later = slices.holdout.index
    frame.loc[later, TARGET] |= frame.loc[later, "sync_session_id"].str.endswith(("1", "3", "5"))
    decision = judge(from_frame(frame, source="stormy", days=None))
    assert not decision.passed and "calibration is off" in decision.reason
    assert decision.numbers["calibration_ratio"] < 0.5
    assert tags(version)["gate/record/calibration"].startswith("blocked: calibration is off")


def test_every_question_is_answered_and_recorded(shelf: Shelf, dataset: TrainingSet) -> None:
    version = shelf.register("logistic")
    decision = judge(dataset)
    asked = ["rows", "compiled", "leakage", "monotone", "calibration", "comparison"]
    assert [(f.level, f.question) for f in decision.findings] == list(product(["record", "push"], asked))
    assert all(tags(version)[f"gate/{f.level}/{f.question}"] == f"passed: {f.said}" for f in decision.findings)
