"""The features of many moments at once, in plain SQL: each moment is joined with all that the log held by then.

Slow, and evident: nothing is carried from one moment to the next. `feature_definitions` says the same a row at a time.
"""

from pathlib import Path

import duckdb
from plain_edits import PLAIN_EDITS
from plain_five import PLAIN_FIVE
from plain_histories import PLAIN_HISTORIES

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
  moment_id, tenant_id, event_id, moment, asked_at, coalesce(as_of_seq, 0) AS as_of_seq, user_id, device_id,
  entity_type, entity_id, edit_id, edited_at, last_said.base_version, coalesce(last_said.fields, []) AS announced,
  len(announced) > 0 OR last_said.base_version IS NOT NULL AS is_announced
FROM asked
JOIN events USING (tenant_id, event_id)
LEFT JOIN seen USING (tenant_id, asked_at)
LEFT JOIN last_said USING (moment_id)
"""

OPEN_WORDS = """
CREATE TABLE open_words AS
SELECT * EXCLUDE number
FROM (
  SELECT m.moment_id, m.asked_at, p.edit_id, p.user_id, p.device_id, p.event, p.base_version, p.fields, p.expires_at,
    min(p.received_at) OVER (PARTITION BY m.moment_id, p.edit_id) AS opened_at,
    row_number() OVER (PARTITION BY m.moment_id, p.edit_id ORDER BY p.seq DESC) AS number
  FROM moments AS m JOIN presence AS p USING (tenant_id, entity_type, entity_id)
  WHERE p.seq <= m.as_of_seq
)
WHERE number = 1 AND event <> 'closed' AND expires_at > asked_at
"""

PLAIN_FEATURES = """
CREATE TABLE plain_features AS
SELECT *
FROM moments
JOIN plain_five USING (moment_id)
JOIN plain_edits USING (moment_id)
JOIN plain_histories USING (moment_id)
"""


def make_plain_features(connection: duckdb.DuckDBPyConnection, lake: Path, asked: str) -> None:
    """A table `plain_features` of the moments asked about: a query of tenant_id, event_id, moment and asked_at."""
    for statement in (ROWS, MOMENTS, OPEN_WORDS, PLAIN_FIVE, PLAIN_EDITS, PLAIN_HISTORIES, PLAIN_FEATURES):
        connection.execute(statement.format(lake=lake, asked=asked))
