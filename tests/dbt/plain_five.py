"""Who was on the record, how lately and often it and the user came, and how likely others meet the edit's fields."""

PLAIN_FIVE = """
CREATE TABLE plain_five AS
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
), there AS (
  SELECT moment_id, user_id FROM here WHERE received_at > asked_at - INTERVAL 5 MINUTE AND received_at < asked_at
  UNION
  SELECT moment_id, user_id FROM open_words
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
  moment_id,
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
