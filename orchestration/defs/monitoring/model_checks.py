"""Does the model that serves hold what it promised? Warnings, for somebody to look: nothing waits for them.

What each limit is stands in `ml.monitoring.LIMITS`; what to do is in docs/operations.md.
"""

import dagster as dg

from orchestration.lib import monitoring
from orchestration.lib.lake import Lake
from orchestration.settings import settings

NOTHING = "nothing to judge by yet"


def _holds(table: str, arm: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=dg.AssetKey(["model_monitoring", table]),
        name="holds_its_promise",
        description="Precision, recall, PR-AUC and calibration of the newest day's window against the holdout's.",
    )
    def holds_its_promise() -> dg.AssetCheckResult:
        from ml import served
        from ml.monitoring import shortfalls

        latest = monitoring.pooled(Lake.at(settings().lake_url), table, arm)
        champion = served.champion()
        if latest is None or champion is None:
            return _said([], NOTHING)
        counted = f"{latest['rows']} answers with {latest['conflicts']} conflicts in the window of {latest['day']}"
        if not latest["is_enough"]:
            return _said([], f"too few to judge by: {counted}")
        return _said(shortfalls(latest, champion.model.manifest.metrics), f"as promised: {counted}")

    return holds_its_promise


@dg.asset_check(
    asset=dg.AssetKey(["model_monitoring", "feature_drift"]),
    description="No feature has moved beyond the limit and beyond chance since the champion was trained.",
)
def inputs_are_as_trained() -> dg.AssetCheckResult:
    latest = monitoring.newest_day(Lake.at(settings().lake_url), "feature_drift")
    if latest is None:
        return _said([], NOTHING)
    moved = latest.loc[latest["has_drifted"].astype(bool)]
    return _said([f"{one.feature} has moved (PSI {one.psi:.2f})" for one in moved.itertuples()], "nothing has moved")


def _said(against: list[str], otherwise: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=not against,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(against) or otherwise,
    )


@dg.definitions
def quality_checks() -> dg.Definitions:
    # `inputs_are_as_trained` too: what stands beside a function of definitions is not found by itself
    watched = [_holds("batch_quality", "all"), _holds("answer_quality", "withheld")]
    return dg.Definitions(asset_checks=[*watched, inputs_are_as_trained])
