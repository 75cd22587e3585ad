"""Is a training needed? Stated with the monitoring, for everybody to read. The thinking is `ml.retraining`; a sensor
beside the training's assets acts on it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from orchestration.lib import monitoring
from orchestration.lib.lake import Lake
from orchestration.lib.metadata import markdown_table
from orchestration.lib.watched import GROUP, Told, watched
from orchestration.settings import settings

if TYPE_CHECKING:
    from ml.retraining import Standing
    from ml.served import Served

NOT_NEEDED = "no training is needed"
TABLE = "training_need"


@watched(
    "Whether a training is needed, and why: new labels, drift, a promise not held, age, or no version at "
    "all. A row a day.",
    dg.AssetKey("training_set"),
    *(dg.AssetKey([GROUP, table]) for table in ("batch_quality", "feature_drift")),
    kinds=frozenset({"parquet"}),
)
def training_need() -> Told:
    import pandas as pd

    from ml import dataset, registry, served
    from ml.retraining import reason_to_train, standing

    lake, now = Lake.at(settings().lake_url), datetime.now(UTC)
    champion, newest = served.champion(), next(iter(registry.versions()), None)
    rows, drifted, short = dataset.load(lake.training_file), _drifted(lake, champion), _short(lake, champion)
    found = standing(rows, newest, now, drifted=drifted, shortfalls=short)
    reason = reason_to_train(found)
    facts = _facts(found)
    row = {"day": now.date(), "reason": reason} | facts
    # a day without a reason too has a column of text: readers of all days take its type from the first
    monitoring.store(lake, TABLE, pd.DataFrame([row]).astype({"reason": "string"}))
    said: dict[str, Any] = {"dagster/row_count": 1, "detail": reason or NOT_NEEDED}
    said["standing"] = markdown_table(["fact", "value"], [*facts.items()])
    return dg.MaterializeResult(metadata=said | ({} if reason is None else {"reason": reason}))


def _facts(found: "Standing") -> dict[str, Any]:
    return {
        "newest_version": found.newest or "",
        "events": found.events,
        "new_events": found.new_events,
        "new_conflicts": found.new_conflicts,
        "days_since": round(found.days_since, 2),
        "drifted": ", ".join(found.drifted),
        "shortfalls": "; ".join(found.shortfalls),
    }


def _drifted(lake: Lake, champion: "Served | None") -> list[str]:
    """Features that have moved by the newest day of drift, if that day speaks of the version that serves now."""
    latest = monitoring.newest_day(lake, "feature_drift")
    if latest is None or champion is None:
        return []
    of_champion = latest.loc[latest["version"] == champion.version]
    return sorted(of_champion.loc[of_champion["has_drifted"].astype(bool), "feature"])


def _short(lake: Lake, champion: "Served | None") -> list[str]:
    """What the newest day of batch quality says against the version that serves now.

    Not the answers that were given: for weeks they are those of the version before.
    """
    from ml.monitoring import shortfalls

    latest = monitoring.pooled(lake, "batch_quality", "all")
    if latest is None or champion is None or latest["version"] != champion.version or not latest["is_enough"]:
        return []
    return shortfalls(latest, champion.model.manifest.metrics)
