"""Where the tables of what is watched lie, and where given answers are read. The figures are `ml.monitoring`'s.

A table is a folder of the lake, `monitoring/<table>/day=YYYY-MM-DD/part.parquet`: a chart over time reads them all. A
run writes its own days; a day that has nothing to tell is left as it was.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.lib.lake import Lake, replacing
from orchestration.lib.warehouse import reading

if TYPE_CHECKING:
    import pandas as pd

DAYS_AGAIN = 3
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"

ANSWERED = """
SELECT o.tenant_id, e.sync_session_id, o.moment, o.conflict_probability AS score, o.predicted_conflict AS warned, o.arm,
  o.model_version, o.event_received_at AS received_at, o.conflict_occurred, 1.0::double AS weight
FROM marts.fct_prediction_outcomes AS o
JOIN intermediate.int_events AS e ON o.tenant_id = e.tenant_id AND o.event_id = e.event_id
WHERE o.conflict_probability IS NOT NULL AND o.conflict_occurred IS NOT NULL
"""


def answered(warehouse: Path) -> "pd.DataFrame":
    """Every prediction whose outcome is known, as `ml.quality` takes answers, with `arm`."""
    with reading(warehouse) as connection:
        found: pd.DataFrame = connection.execute(ANSWERED).df()
    return found


def days_of_run(tags: Mapping[str, str]) -> list[date]:
    """The days of a run by its tags; the last three, today included, when it names none."""
    today = datetime.now(UTC).date()
    first = tags.get(RANGE_START)
    start = date.fromisoformat(first) if first else today - timedelta(days=DAYS_AGAIN - 1)
    end = date.fromisoformat(tags[RANGE_END]) if RANGE_END in tags else today
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


def store(lake: Lake, table: str, rows: "pd.DataFrame") -> None:
    """Replace the days that `rows` has."""
    for day, of_day in rows.groupby("day"):
        with replacing(_file(lake, table, str(day))) as beside:
            of_day.to_parquet(beside, index=False)


def stored(lake: Lake, table: str) -> "pd.DataFrame | None":
    """Every day that was ever written, in order; None before the first."""
    import pandas as pd

    files = sorted(_file(lake, table, "*").parent.parent.glob("day=*/part.parquet"))
    # one by one: the day stands in the rows, and pandas would add it from the folder's name a second time
    return pd.concat([pd.read_parquet(path, partitioning=None) for path in files]) if files else None


def newest(history: "pd.DataFrame") -> "pd.DataFrame":
    """The rows of its last day."""
    rows: pd.DataFrame = history.loc[history["day"] == history["day"].max()]
    return rows


def over_all(history: "pd.DataFrame", arm: str) -> "pd.DataFrame":
    """Of a table of quality the rows over all tenants and moments, one a day."""
    rows: pd.DataFrame = history.loc[
        (history["arm"] == arm) & history["tenant_id"].isna() & (history["moment"] == "all")
    ]
    return rows


def newest_day(lake: Lake, table: str) -> "pd.DataFrame | None":
    """The rows of the last day that was written; None before the first."""
    history = stored(lake, table)
    return None if history is None else newest(history)


def pooled(lake: Lake, table: str, arm: str) -> dict[str, Any] | None:
    """The newest row of a table of quality over all tenants and moments; None before the first."""
    history = stored(lake, table)
    if history is None or (rows := over_all(history, arm)).empty:
        return None
    return {str(name): value for name, value in rows.iloc[-1].items()}


def _file(lake: Lake, table: str, day: str) -> Path:
    return lake.root / "monitoring" / table / f"day={day}" / "part.parquet"
