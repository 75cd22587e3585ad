"""One protocol: nothing is chosen on what judges, and a model is judged beside every baseline."""

import pytest

from ml.ablation import ALL, FREE, GROUPS, ablation
from ml.baselines import BASELINES
from ml.dataset import TrainingSet
from ml.estimators import CANDIDATES
from ml.evaluate import measure
from ml.features import MOMENTS, TARGET
from ml.protocol import OURS, SHARE, Chosen, at, cells, choose_ours, left_out, sliced, together
from ml.splits import Split
from ml.threshold import choose
from ml.tune import predict

LOGISTIC = CANDIDATES[:2]


@pytest.fixture(scope="module")
def both(dataset: TrainingSet) -> Split:
    return sliced(together({0.0: dataset.frame, 1.0: dataset.frame}))


@pytest.fixture(scope="module")
def ours(both: Split) -> Chosen:
    return choose_ours(both, LOGISTIC, print)


def test_an_edit_is_in_the_same_slice_at_every_share(both: Split) -> None:
    for part in (both.train, both.validation, both.holdout):
        by_share = [set(part.loc[part[SHARE] == share, "event_id"]) for share in (0.0, 1.0)]
        assert by_share[0] == by_share[1] and by_share[0]


def test_the_best_on_validation_is_ours_with_a_threshold_from_there(both: Split, ours: Chosen) -> None:
    assert ours.validation_pr_auc[ours.candidate.name] == max(ours.validation_pr_auc.values())
    assert set(ours.validation_pr_auc) == {candidate.name for candidate in LOGISTIC}
    scores = predict(ours.model, both.validation)
    assert ours.threshold == choose(both.validation[TARGET].to_numpy(), scores)


def test_every_moment_and_share_has_ours_and_every_baseline(both: Split, ours: Chosen) -> None:
    found = cells(both, ours, print)
    assert len(found) == len(MOMENTS) * 2 * (1 + len(BASELINES))
    for cell in found:
        rows = at(both.holdout, cell.share, cell.moment)
        assert cell.metrics["rows"] == len(rows) == sum(metrics["rows"] for metrics in cell.tenants.values())
        assert cell.interval.low <= cell.metrics["pr_auc"] <= cell.interval.high
        assert (cell.lead is None) == (cell.model == OURS)
        if cell.model == OURS:
            scores = predict(ours.model, rows)
            assert cell.metrics == measure(rows[TARGET].to_numpy(), scores, ours.threshold.value)


def test_a_tenant_can_be_judged_by_what_others_taught(both: Split) -> None:
    halves = [part.assign(tenant_id=part["sync_session_id"].str[-1].lt("5").map({True: "a", False: "b"})) for part in
              (both.train, both.validation, both.holdout)]  # fmt: skip
    found = left_out(Split(*halves, both.validation_from, both.holdout_from), LOGISTIC[0], print)
    assert found.keys() == {"a", "b"} and not left_out(both, LOGISTIC[0], print)
    assert all(len(scores) == len(MOMENTS) * 2 for scores in found.values())


def test_leaving_a_group_out_is_told_beside_the_whole(both: Split) -> None:
    found = ablation(both, LOGISTIC[0], print)
    assert found.keys() == {ALL, *GROUPS, FREE}
    assert found["the five"] != found[ALL]
