"""Is the platform right about itself? Reading what the monitoring models found is `lib`."""

import dagster as dg

from orchestration.lib import parity
from orchestration.lib.metadata import markdown_table
from orchestration.settings import settings


@dg.asset_check(
    asset=dg.AssetKey(["monitoring", "fct_prediction_parity"]),
    description="The features that predictions were given on are those that the training rows are made of.",
    pool="duckdb",
)
def online_equals_offline() -> dg.AssetCheckResult:
    found = parity.read(settings().warehouse_path)
    return dg.AssetCheckResult(
        passed=not found.different,
        severity=dg.AssetCheckSeverity.ERROR,
        description=parity.words(found),
        metadata={
            "predictions_compared": found.compared,
            "predictions_different": found.different,
            "predictions_not_held_yet": found.not_held_yet,
            "predictions_held_in_part": found.held_in_part,
            "largest_relative_difference": found.largest,
            "worst_differences": markdown_table(
                ["tenant", "prediction", "asked at", "as of seq", "feature", "online", "offline", "relative"],
                [
                    (d.tenant_id, d.prediction_id, d.asked_at.isoformat(), d.as_of_seq, d.feature, d.online, d.offline,
                     f"{d.relative:.3g}")
                    for d in found.worst
                ],
            ),
        },
    )  # fmt: skip
