"""The model that serves, watched: what was answered, what it would have answered to everybody, what it is asked.

Tables by day in the lake, with a picture each. The figures and their limits are `ml.monitoring`; the checks that go by
them are beside this file.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from orchestration.lib import monitoring
from orchestration.lib.lake import Lake
from orchestration.lib.metadata import markdown_table, picture
from orchestration.settings import settings

if TYPE_CHECKING:
    import pandas as pd

CHAMPION, TRAINING_SET = dg.AssetKey("champion"), dg.AssetKey("training_set")
NO_CHAMPION = "there is no champion yet"
PREFIX, GROUP, KINDS, OWNERS = ["model_monitoring"], "model_monitoring", {"parquet", "scikitlearn"}, ["team:ml"]
FRESH = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=48))


@dg.asset(
    key_prefix=PREFIX,
    group_name=GROUP,
    kinds=KINDS,
    owners=OWNERS,
    freshness_policy=FRESH,
    deps=[dg.AssetKey(["marts", "fct_prediction_outcomes"]), CHAMPION],
    pool="duckdb",
    description="How good the answers were that clients were given, by day: all of them, and as if nobody had been "
    "warned (the withheld arm), since a warning that is heeded erases its own label.",
)
def answer_quality(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    import pandas as pd

    from ml.monitoring import quality_by_day

    answers, days = monitoring.answered(settings().warehouse_path), monitoring.days_of_run(context.run.tags)
    arms = [quality_by_day(answers, days, arm=arm, version="as answered") for arm in ("all", "withheld")]
    return _quality("answer_quality", pd.concat(arms), arm="withheld")


@dg.asset(
    key_prefix=PREFIX,
    group_name=GROUP,
    kinds=KINDS,
    owners=OWNERS,
    freshness_policy=FRESH,
    deps=[TRAINING_SET, CHAMPION],
    description="How good the champion's answers would have been on every edit that ended after its training, at both "
    "moments, whether somebody asked or not, by day.",
)
def batch_quality(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    from ml import dataset, served
    from ml.monitoring import quality_by_day

    champion = served.champion()
    if champion is None:
        return dg.MaterializeResult(metadata={"dagster/row_count": 0, "detail": NO_CHAMPION})
    rows = champion.unseen(dataset.load(Lake.at(settings().lake_url).training_file).frame)
    answers, days = served.answers(rows, champion.model), monitoring.days_of_run(context.run.tags)
    return _quality("batch_quality", quality_by_day(answers, days, arm="all", version=champion.version), arm="all")


@dg.asset(
    key_prefix=PREFIX,
    group_name=GROUP,
    kinds=KINDS,
    owners=OWNERS,
    freshness_policy=FRESH,
    deps=[TRAINING_SET, CHAMPION],
    description="How far each feature has moved since the champion was trained, by day: the population stability "
    "index against the distribution that is stored with the version.",
)
def feature_drift(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    from ml import dataset, served
    from ml.monitoring import drift_by_day
    from ml.monitoring_plots import drift_bars

    champion = served.champion()
    if champion is None or champion.profile is None:
        detail = NO_CHAMPION if champion is None else f"version {champion.version} has no distribution stored with it"
        return dg.MaterializeResult(metadata={"dagster/row_count": 0, "detail": detail})
    rows = champion.unseen(dataset.load(Lake.at(settings().lake_url).training_file).frame)
    days = monitoring.days_of_run(context.run.tags)
    made = drift_by_day(champion.profile, rows, days, version=champion.version)
    lake = Lake.at(settings().lake_url)
    monitoring.store(lake, "feature_drift", made)
    latest = _latest(monitoring.stored(lake, "feature_drift"))
    facts: dict[str, Any] = {"dagster/row_count": len(made)}
    if latest is not None:
        facts["plot"] = picture(drift_bars(latest), "drift by feature")
        facts["latest"] = _table(latest, ["day", "feature", "psi", "chance", "pushes", "has_drifted"])
    return dg.MaterializeResult(metadata=facts)


def _quality(table: str, made: "pd.DataFrame", *, arm: str) -> dg.MaterializeResult[None]:
    from ml.monitoring_plots import quality_over_time

    lake = Lake.at(settings().lake_url)
    monitoring.store(lake, table, made)
    history = monitoring.stored(lake, table)
    facts: dict[str, Any] = {"dagster/row_count": len(made)}
    if history is not None:
        of_arm = history.loc[history["arm"] == arm]
        pooled = of_arm.loc[of_arm["tenant_id"].isna() & (of_arm["moment"] == "all")]
        facts["plot"] = picture(quality_over_time(pooled), "quality over time")
        shown = [
            "day",
            "arm",
            "tenant_id",
            "moment",
            "rows",
            "conflicts",
            "warnings",
            "base_rate",
            "precision",
            "recall",
        ]
        latest = _latest(history)
        assert latest is not None
        facts["latest"] = _table(latest, [*shown, "pr_auc", "pr_auc_low", "pr_auc_high", "calibration_ratio"])
    return dg.MaterializeResult(metadata=facts)


def _latest(history: "pd.DataFrame | None") -> "pd.DataFrame | None":
    return None if history is None else history.loc[history["day"] == history["day"].max()]


def _table(rows: "pd.DataFrame", columns: list[str]) -> dg.MarkdownMetadataValue:
    cells = rows[columns].astype(object).where(rows[columns].notna(), "")
    said = [[f"{cell:.3f}" if isinstance(cell, float) else cell for cell in row] for row in cells.to_numpy().tolist()]
    return markdown_table(columns, said)
