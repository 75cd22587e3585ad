"""The gate between a trained model and a serving one. What it asks for is `ml.gate`."""

import dagster as dg

from orchestration.lib.lake import Lake
from orchestration.lib.models import decision_facts
from orchestration.settings import settings

CHALLENGER = dg.AssetKey("challenger")


@dg.asset_check(
    asset=CHALLENGER,
    blocking=True,
    description="The challenger against the champion, on rows received after both were trained.",
)
def gate_check() -> dg.AssetCheckResult:
    from ml import dataset, gate

    decision = gate.judge(dataset.load(Lake.at(settings().lake_url).training_file))
    return dg.AssetCheckResult(
        passed=decision.passed,
        severity=dg.AssetCheckSeverity.ERROR,
        description=decision.reason,
        metadata=decision_facts(decision),
    )


@dg.asset(
    deps=[CHALLENGER],
    group_name="promotion",
    description="`conflict_predictor@champion`: the version that prediction servers load. Judged here once more, so "
    "that materialising it alone does not walk round the gate.",
    kinds={"mlflow"},
    owners=["team:ml"],
)
def champion() -> dg.MaterializeResult[None]:
    from ml import dataset, gate

    decision = gate.judge(dataset.load(Lake.at(settings().lake_url).training_file), record=False)
    version = gate.promote(decision)
    return dg.MaterializeResult(metadata={**decision_facts(decision), "serving_version": version})
