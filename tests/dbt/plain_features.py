"""The five features of many moments at once, in plain SQL: each moment is joined with all that the log held by then.

Slow, and evident: nothing is carried from one moment to the next. `feature_definitions` says the same a row at a time.
"""

from pathlib import Path

import duckdb

FEATURES = (
    "concurrent_editors",
    "hours_since_last_sync",
    "user_conflict_rate",
    "entity_edit_frequency",
    "field_overlap_score",
    "silent_overlap_score",
)

ROWS = """
CREATE TABLE changes AS
SELECT id AS event_id, * FROM read_parquet('{lake}/raw/sync_log/day=*/part.parquet');

CREATE TABLE presence AS
SELECT * FROM read_parquet('{lake}/raw/edit_session_event/day=*/part.parquet');

CREATE TABLE log AS
SELECT tenant_id, seq, received_at FROM changes
UNION ALL
SELECT tenant_id, seq, received_at FROM presence;

CREATE TABLE events AS
SELECT * FROM changes WHERE outcome IN ('applied', 'merged', 'conflict');

CREATE TABLE touches AS
SELECT DISTINCT tenant_id, seq, unnest(fields) AS field FROM events;
"""

MOMENTS = """
CREATE TABLE moments AS
WITH asked AS (
  SELECT concat_ws('/', tenant_id, event_id, moment) AS moment_id, tenant_id, event_id, moment, asked_at FROM ({asked})
), unseen AS (
  SELECT tenant_id, asked_at, min(seq) AS first_seq
  FROM (SELECT DISTINCT tenant_id, asked_at FROM asked) JOIN log USING (tenant_id)
  WHERE received_at >= asked_at
  GROUP BY ALL
), seen AS (
  SELECT tenant_id, asked_at, max(seq) AS as_of_seq
  FROM unseen JOIN log USING (tenant_id)
  WHERE seq < first_seq
  GROUP BY ALL
), last_said AS (
  SELECT moment_id, presence.fields, presence.base_version
  FROM asked JOIN events USING (tenant_id, event_id) JOIN presence USING (tenant_id, edit_id)
  WHERE presence.received_at <= asked_at
  QUALIFY row_number() OVER (PARTITION BY moment_id ORDER BY presence.seq DESC) = 1
)
SELECT
  moment_id, tenant_id, event_id, moment, asked_at, coalesce(as_of_seq, 0) AS as_of_seq, user_id, entity_type,
  entity_id, coalesce(last_said.fields, []) AS announced,
  len(announced) > 0 OR last_said.base_version IS NOT NULL AS is_announced
FROM asked
JOIN events USING (tenant_id, event_id)
LEFT JOIN seen USING (tenant_id, asked_at)
LEFT JOIN last_said USING (moment_id)
"""

PLAIN_FEATURES = """
CREATE TABLE plain_features AS
WITH here AS (
  SELECT m.moment_id, m.asked_at, e.tenant_id, e.seq, e.received_at, e.user_id, e.user_id = m.user_id AS is_own
  FROM moments AS m JOIN events AS e USING (tenant_id, entity_type, entity_id)
  WHERE e.seq <= m.as_of_seq
), of_record AS (
  SELECT moment_id,
    epoch_us(asked_at - max(received_at) FILTER (is_own)) / 3.6e9 AS hours_since,
    count(*) / greatest(1, epoch_us(asked_at - min(received_at)) / 86.4e9) AS frequency
  FROM here
  GROUP BY moment_id, asked_at
), of_user AS (
  SELECT m.moment_id, 100.0 * count(*) FILTER (e.is_conflicted) / count(*) AS conflict_rate
  FROM moments AS m JOIN events AS e USING (tenant_id, user_id)
  WHERE e.seq <= m.as_of_seq
  GROUP BY m.moment_id
), newest_said AS (
  SELECT m.moment_id, m.asked_at, p.user_id, p.event, p.expires_at
  FROM moments AS m JOIN presence AS p USING (tenant_id, entity_type, entity_id)
  WHERE p.seq <= m.as_of_seq
  QUALIFY row_number() OVER (PARTITION BY m.moment_id, p.edit_id ORDER BY p.seq DESC) = 1
), there AS (
  SELECT moment_id, user_id FROM here WHERE received_at > asked_at - INTERVAL 5 MINUTE AND received_at < asked_at
  UNION
  SELECT moment_id, user_id FROM newest_said WHERE event <> 'closed' AND expires_at > asked_at
), editors AS (
  SELECT m.moment_id, count(*) AS editors
  FROM moments AS m JOIN there AS t USING (moment_id)
  WHERE t.user_id <> m.user_id
  GROUP BY m.moment_id
), others_last AS (
  SELECT moment_id, tenant_id, unnest(max_by(seq, (received_at, seq), 20)) AS seq, least(20, count(*)) AS others
  FROM here
  WHERE NOT is_own
  GROUP BY moment_id, tenant_id
), by_others AS (
  SELECT moment_id, field, count(*) / any_value(others) AS q
  FROM others_last JOIN touches USING (tenant_id, seq)
  GROUP BY moment_id, field
), type_last AS (
  SELECT tenant_id, entity_type, as_of_seq,
    unnest(max_by(e.seq, (e.received_at, e.seq), 200)) AS seq, least(200, count(*)) AS alike
  FROM (SELECT DISTINCT tenant_id, entity_type, as_of_seq FROM moments)
  JOIN events AS e USING (tenant_id, entity_type)
  WHERE e.seq <= as_of_seq
  GROUP BY tenant_id, entity_type, as_of_seq
), in_type AS (
  SELECT tenant_id, entity_type, as_of_seq, field, count(*) / any_value(alike) AS share
  FROM type_last JOIN touches USING (tenant_id, seq)
  GROUP BY tenant_id, entity_type, as_of_seq, field
), met AS (
  SELECT moment_id, q, coalesce(share, 0) AS silent_p,
    CASE WHEN len(announced) = 0 THEN silent_p WHEN list_contains(announced, field) THEN 1 ELSE 0 END AS p
  FROM by_others JOIN moments USING (moment_id) LEFT JOIN in_type USING (tenant_id, entity_type, as_of_seq, field)
), of_fields AS (
  SELECT moment_id, 1 - product(1 - p * q) AS overlap, 1 - product(1 - silent_p * q) AS silent_overlap
  FROM met
  GROUP BY moment_id
)
SELECT
  tenant_id, event_id, moment, asked_at, as_of_seq, is_announced,
  coalesce(editors, 0) AS concurrent_editors,
  least(168, coalesce(hours_since, 168)) AS hours_since_last_sync,
  coalesce(conflict_rate, 0) AS user_conflict_rate,
  coalesce(frequency, 0) AS entity_edit_frequency,
  coalesce(overlap, 0) AS field_overlap_score,
  coalesce(silent_overlap, 0) AS silent_overlap_score
FROM moments
LEFT JOIN of_record USING (moment_id)
LEFT JOIN of_user USING (moment_id)
LEFT JOIN editors USING (moment_id)
LEFT JOIN of_fields USING (moment_id)
"""


def make_plain_features(connection: duckdb.DuckDBPyConnection, lake: Path, asked: str) -> None:
    """A table `plain_features` of the moments asked about: a query of tenant_id, event_id, moment and asked_at."""
    for statement in (ROWS, MOMENTS, PLAIN_FEATURES):
        connection.execute(statement.format(lake=lake, asked=asked))
