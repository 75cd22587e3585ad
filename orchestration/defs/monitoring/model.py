"""The model that serves, watched: what was answered, what it would have answered to everybody, what it is asked.

Tables by day in the lake, with a picture each. The figures and their limits are `ml.monitoring`; the checks that go by
them are beside this file.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import dagster as dg

from orchestration.lib import monitoring
from orchestration.lib.lake import Lake
from orchestration.lib.metadata import markdown_table, picture
from orchestration.lib.watched import Told, watched
from orchestration.settings import settings

if TYPE_CHECKING:
    import pandas as pd

    from ml.served import Served

CHAMPION, TRAINING_SET = dg.AssetKey("champion"), dg.AssetKey("training_set")
OF_MODELS = frozenset({"parquet", "scikitlearn"})
NO_CHAMPION = "there is no champion yet"
QUALITY = [
    "day", "arm", "tenant_id", "moment", "rows", "conflicts", "warnings", "base_rate", "precision", "recall",
    "pr_auc", "pr_auc_low", "pr_auc_high", "calibration_ratio",
]  # fmt: skip
DRIFT = ["day", "feature", "psi", "chance", "pushes", "has_drifted"]


@watched(
    "How good the answers were that clients were given, by day: all of them, and as if nobody had been warned (the "
    "withheld arm), since a warning that is heeded erases its own label.",
    dg.AssetKey(["marts", "fct_prediction_outcomes"]),
    CHAMPION,
    kinds=OF_MODELS,
    pool="duckdb",
)
def answer_quality(context: dg.AssetExecutionContext) -> Told:
    import pandas as pd

    from ml.monitoring import quality_by_day

    answers, days = monitoring.answered(settings().warehouse_path), monitoring.days_of_run(context.run.tags)
    arms = [quality_by_day(answers, days, arm=arm, version="as answered") for arm in ("all", "withheld")]
    return _quality("answer_quality", pd.concat(arms), arm="withheld")


@watched(
    "How good the champion's answers would have been on every edit that ended after its training, at both moments, "
    "whether somebody asked or not, by day.",
    TRAINING_SET,
    CHAMPION,
    kinds=OF_MODELS,
)
def batch_quality(context: dg.AssetExecutionContext) -> Told:
    from ml import served
    from ml.monitoring import quality_by_day

    champion = served.champion()
    if champion is None:
        return _nothing(NO_CHAMPION)
    answers, days = served.answers(_unseen(champion), champion.model), monitoring.days_of_run(context.run.tags)
    return _quality("batch_quality", quality_by_day(answers, days, arm="all", version=champion.version), arm="all")


@watched(
    "How far each feature has moved since the champion was trained, by day: the population stability index against "
    "the distribution that is stored with the version.",
    TRAINING_SET,
    CHAMPION,
    kinds=OF_MODELS,
)
def feature_drift(context: dg.AssetExecutionContext) -> Told:
    from ml import served
    from ml.monitoring import drift_by_day
    from ml.monitoring_plots import drift_bars

    champion = served.champion()
    if champion is None:
        return _nothing(NO_CHAMPION)
    if champion.profile is None:
        return _nothing(f"version {champion.version} has no distribution stored with it")
    days = monitoring.days_of_run(context.run.tags)
    made = drift_by_day(champion.profile, _unseen(champion), days, version=champion.version)

    def drawn(history: "pd.DataFrame") -> dg.MarkdownMetadataValue:
        return picture(drift_bars(monitoring.newest(history)), "drift by feature")

    return _told("feature_drift", made, DRIFT, drawn)


def _unseen(champion: "Served") -> "pd.DataFrame":
    """What came after the champion's training."""
    from ml import dataset

    return champion.unseen(dataset.load(Lake.at(settings().lake_url).training_file).frame)


def _quality(table: str, made: "pd.DataFrame", *, arm: str) -> Told:
    from ml.monitoring_plots import quality_over_time

    def drawn(history: "pd.DataFrame") -> dg.MarkdownMetadataValue:
        return picture(quality_over_time(monitoring.over_all(history, arm)), "quality over time")

    return _told(table, made, QUALITY, drawn)


def _told(
    table: str, made: "pd.DataFrame", columns: list[str], drawn: "Callable[[pd.DataFrame], dg.MarkdownMetadataValue]"
) -> Told:
    """Store the days that were made; show all that were ever made as a picture, and the newest as a table."""
    lake = Lake.at(settings().lake_url)
    monitoring.store(lake, table, made)
    history = monitoring.stored(lake, table)
    facts: dict[str, Any] = {"dagster/row_count": len(made)}
    if history is not None:
        facts |= {"plot": drawn(history), "latest": _table(monitoring.newest(history), columns)}
    return dg.MaterializeResult(metadata=facts)


def _nothing(detail: str) -> Told:
    return dg.MaterializeResult(metadata={"dagster/row_count": 0, "detail": detail})


def _table(rows: "pd.DataFrame", columns: list[str]) -> dg.MarkdownMetadataValue:
    cells = rows[columns].astype(object).where(rows[columns].notna(), "")
    said = [[f"{cell:.3f}" if isinstance(cell, float) else cell for cell in row] for row in cells.to_numpy().tolist()]
    return markdown_table(columns, said)
