"""Other ways to the five features, each a process of its own: `python -m bench.support.feature_peers NAME LAKE`.

The floor does no feature at all: the engine reads the same rows, of changes and of presence, sorts them by record and
time, writes them. The peers answer for `edit_start` alone and leave presence out, so they are given the easier task.
"""

import os
import sys
from collections import Counter
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    import pandas as pd

EVENTS = """
SELECT tenant_id, id, seq, received_at, edited_at, user_id, device_id, sync_session_id, entity_type, entity_id, edit_id,
  fields, is_conflicted
FROM read_parquet('{lake}/raw/sync_log/day=*/part.parquet', hive_partitioning = true, union_by_name = true)
WHERE outcome IN ('applied', 'merged', 'conflict')
"""
PRESENCE = """
SELECT tenant_id, id, edit_id, seq, event, received_at, expires_at, user_id, entity_type, entity_id, base_version,
  fields
FROM read_parquet('{lake}/raw/edit_session_event/day=*/part.parquet', hive_partitioning = true, union_by_name = true)
"""
FLOOR = "CREATE TABLE {name} AS {rows} ORDER BY tenant_id, entity_type, entity_id, received_at"

NAIVE = """
CREATE TABLE answers AS
WITH here AS (
  SELECT m.id, m.user_id AS me, m.edited_at AS t, e.*,
    row_number() OVER (PARTITION BY m.id, e.user_id = m.user_id ORDER BY e.received_at DESC, e.seq DESC) AS recency
  FROM events AS m JOIN events AS e ON m.tenant_id = e.tenant_id AND m.entity_type = e.entity_type
    AND m.entity_id = e.entity_id AND e.received_at < m.edited_at
), mine AS (
  SELECT m.id, 100.0 * count(*) FILTER (e.is_conflicted) / count(*) AS user_conflict_rate
  FROM events AS m JOIN events AS e
    ON m.tenant_id = e.tenant_id AND m.user_id = e.user_id AND e.received_at < m.edited_at GROUP BY 1
), counted AS (
  SELECT id,
    count(DISTINCT user_id) FILTER (user_id <> me AND received_at > t - INTERVAL 5 MINUTE) AS concurrent_editors,
    epoch(any_value(t) - max(received_at) FILTER (user_id = me)) / 3600 AS hours_since_last_sync,
    count(*) / greatest(1, epoch(any_value(t) - min(received_at)) / 86400) AS entity_edit_frequency
  FROM here GROUP BY 1
), others AS (
  SELECT id, field, count(*) / max(least(20, n)) AS q
  FROM (SELECT id, unnest(fields) AS field, count(*) OVER (PARTITION BY id) AS n FROM (
    SELECT * FROM here WHERE user_id <> me AND recency <= 20)) GROUP BY 1, 2
), alike AS (
  SELECT id, unnest(fields) AS field FROM (
    SELECT m.id, e.fields, row_number() OVER (PARTITION BY m.id ORDER BY e.received_at DESC, e.seq DESC) AS recency
    FROM events AS m JOIN events AS e
      ON m.tenant_id = e.tenant_id AND m.entity_type = e.entity_type AND e.received_at < m.edited_at)
  WHERE recency <= 200
), likely AS (SELECT id, field, count(*) / 200 AS p FROM alike GROUP BY 1, 2),
overlap AS (
  SELECT id, 1 - product(1 - p * q) AS field_overlap_score FROM others JOIN likely USING (id, field) GROUP BY 1)
SELECT * FROM events LEFT JOIN counted USING (id) LEFT JOIN mine USING (id) LEFT JOIN overlap USING (id)
"""


def floor(lake: str) -> None:
    with duckdb.connect(f"{lake}/floor.duckdb") as connection:
        connection.execute("SET threads = 2; SET preserve_insertion_order = false")
        connection.execute(f"SET memory_limit = '{os.environ['FORESYNC_WAREHOUSE_MEMORY']}'")
        for name, rows in (("changes", EVENTS), ("presence", PRESENCE)):
            connection.execute(FLOOR.format(name=name, rows=rows.format(lake=lake)))


def naive(lake: str) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        connection.execute(f"CREATE TABLE events AS {EVENTS.format(lake=lake)}")
        connection.execute(NAIVE)


def pandas(lake: str) -> None:
    # here, so that it is no part of the floor
    import pandas as pd

    with duckdb.connect() as connection:
        events = connection.execute(f"{EVENTS.format(lake=lake)} ORDER BY received_at, seq").df()
    record = ["tenant_id", "entity_type", "entity_id"]
    users = events.groupby(["tenant_id", "user_id"])
    events["user_events"] = users.cumcount() + 1
    events["user_conflicts"] = users["is_conflicted"].cumsum()
    asked = events[[*record, "user_id", "edited_at"]].sort_values("edited_at").rename(columns={"edited_at": "t"})
    known = events[["tenant_id", "user_id", "received_at", "user_events", "user_conflicts"]]
    asked = pd.merge_asof(
        asked.reset_index(), known, left_on="t", right_on="received_at", by=["tenant_id", "user_id"],
        allow_exact_matches=False,
    ).set_index("index")  # fmt: skip
    answers = [_of_type(group, asked.loc[group.index]) for _, group in events.groupby(record[:2])]
    pd.concat(answers).to_parquet(f"{lake}/pandas.parquet")


def _of_type(events: "pd.DataFrame", asked: "pd.DataFrame") -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    received, fields = events["received_at"].to_numpy(), events["fields"].to_numpy()
    found = []
    for _, group in events.groupby("entity_id"):
        times, users, touched = (group[name].to_numpy() for name in ("received_at", "user_id", "fields"))
        for index, me, t in zip(group.index, users, asked.loc[group.index, "t"].to_numpy(), strict=True):
            seen, recent = (np.searchsorted(times, at) for at in (t, t - np.timedelta64(300, "s")))
            editors = len(set(users[recent:seen]) - {me})
            own = [at for at, user in zip(times[:seen], users[:seen], strict=True) if user == me]
            since = min(168.0, (t - own[-1]) / np.timedelta64(1, "h")) if own else 168.0
            frequency = seen / max(1.0, (t - times[0]) / np.timedelta64(1, "D")) if seen else 0.0
            others = [fs for fs, user in zip(touched[:seen], users[:seen], strict=True) if user != me][-20:]
            alike = fields[max(0, np.searchsorted(received, t) - 200) : np.searchsorted(received, t)]
            likely, q = Counter(f for fs in alike for f in fs), Counter(f for fs in others for f in fs)
            missed = np.prod([1 - n / len(others) * likely[f] / len(alike) for f, n in q.items()])
            found.append((index, editors, since, frequency, 1 - missed))
    columns = ["index", "concurrent_editors", "hours_since_last_sync", "entity_edit_frequency", "field_overlap_score"]
    answers = pd.DataFrame(found, columns=columns).set_index("index")
    answers["user_conflict_rate"] = (100 * asked["user_conflicts"] / asked["user_events"]).fillna(0.0)
    return answers


if __name__ == "__main__":
    {"floor": floor, "naive": naive, "pandas": pandas}[sys.argv[1]](sys.argv[2])
