"""How often the record, the type, the tenant and the user had conflicted, and how long pushes had been open."""

PLAIN_HISTORIES = """
CREATE TABLE plain_histories AS
WITH timed AS (
  SELECT * FROM events WHERE edited_at < received_at
), of_record AS (
  SELECT m.moment_id,
    count(*) FILTER (
      e.is_conflicted AND e.edited_at < e.received_at AND e.received_at > m.asked_at - INTERVAL 180 DAY
    ) AS conflicts,
    count(*) FILTER (e.received_at > m.asked_at - INTERVAL 90 DAY) AS events
  FROM moments AS m JOIN events AS e USING (tenant_id, entity_type, entity_id)
  WHERE e.seq <= m.as_of_seq
  GROUP BY m.moment_id
), places AS (
  SELECT DISTINCT tenant_id, as_of_seq FROM moments
), of_type AS (
  SELECT tenant_id, as_of_seq, entity_type, count(*) AS n, count(*) FILTER (is_conflicted) AS c
  FROM places JOIN timed USING (tenant_id)
  WHERE seq <= as_of_seq
  GROUP BY tenant_id, as_of_seq, entity_type
), of_tenant AS (
  SELECT tenant_id, as_of_seq, (sum(c) + 1) / (sum(n) + 50) AS g FROM of_type GROUP BY tenant_id, as_of_seq
), pushes AS (
  SELECT tenant_id, as_of_seq, sync_id, max(seq) AS seq, any_value(user_id) AS user_id,
    bool_or(is_conflicted) AS is_conflicted,
    ln(greatest(60, max(epoch_us(received_at) - epoch_us(edited_at)) / 1e6)) AS open_log
  FROM places JOIN timed USING (tenant_id)
  WHERE seq <= as_of_seq
  GROUP BY tenant_id, as_of_seq, sync_id
), of_pushes AS (
  SELECT tenant_id, as_of_seq, (count(*) FILTER (is_conflicted) + 1) / (count(*) + 20) AS h
  FROM pushes
  GROUP BY tenant_id, as_of_seq
), of_last_pushes AS (
  SELECT tenant_id, as_of_seq, (count(*) FILTER (is_conflicted) + 1) / (count(*) + 20) AS share, avg(open_log) AS m
  FROM (
    SELECT * FROM pushes QUALIFY row_number() OVER (PARTITION BY tenant_id, as_of_seq ORDER BY seq DESC) <= 200
  )
  GROUP BY tenant_id, as_of_seq
), of_user AS (
  SELECT tenant_id, as_of_seq, user_id, count(*) AS n, count(*) FILTER (is_conflicted) AS c, sum(open_log) AS open_log
  FROM pushes
  GROUP BY tenant_id, as_of_seq, user_id
)
SELECT
  moment_id,
  least(100, coalesce(of_record.conflicts, 0)) AS record_conflicts_180d,
  least(100, coalesce(of_record.events, 0)) AS record_events_90d,
  (coalesce(of_type.c, 0) + 20 * coalesce(g, 1 / 50)) / (coalesce(of_type.n, 0) + 20) AS type_conflict_rate,
  coalesce(of_last_pushes.share, 1 / 20) AS tenant_conflict_share,
  (coalesce(of_user.c, 0) + 5 * coalesce(h, 1 / 20)) / (coalesce(of_user.n, 0) + 5) AS user_push_conflict_rate,
  (coalesce(of_user.open_log, 0) + 5 * coalesce(m, ln(86400))) / (coalesce(of_user.n, 0) + 5) AS user_open_log_seconds
FROM moments
LEFT JOIN of_record USING (moment_id)
LEFT JOIN of_type USING (tenant_id, as_of_seq, entity_type)
LEFT JOIN of_tenant USING (tenant_id, as_of_seq)
LEFT JOIN of_pushes USING (tenant_id, as_of_seq)
LEFT JOIN of_last_pushes USING (tenant_id, as_of_seq)
LEFT JOIN of_user USING (tenant_id, as_of_seq, user_id)
"""
