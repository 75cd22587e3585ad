"""What the edit has missed, what else is open on its record, and how old it is."""

PLAIN_EDITS = """
CREATE TABLE plain_edits AS
WITH announced_fields AS (
  SELECT DISTINCT moment_id, unnest(announced) AS field FROM moments
), of_edit AS (
  SELECT moment_id, count(*) AS announced FROM announced_fields GROUP BY moment_id
), missed AS (
  SELECT m.moment_id, m.asked_at, c.seq, c.received_at, c.operation, c.fields
  FROM moments AS m JOIN changes AS c USING (tenant_id, entity_type, entity_id)
  WHERE c.seq <= m.as_of_seq AND c.new_version > m.base_version
), of_versions AS (
  SELECT moment_id, count(*) AS versions, epoch_us(asked_at - min_by(received_at, seq)) / 3.6e9 AS hours
  FROM missed
  GROUP BY moment_id, asked_at
), of_missed_fields AS (
  SELECT moment_id, count(DISTINCT field) AS fields
  FROM missed JOIN announced_fields USING (moment_id)
  WHERE operation = 'delete' OR list_contains(fields, field)
  GROUP BY moment_id
), others AS (
  SELECT w.*, w.user_id = m.user_id AS is_same_user, w.base_version = m.base_version AS is_same_base
  FROM moments AS m JOIN open_words AS w USING (moment_id)
  WHERE w.edit_id IS DISTINCT FROM m.edit_id AND NOT (w.user_id = m.user_id AND w.device_id = m.device_id)
), of_others AS (
  SELECT moment_id, count(*) AS edits,
    count(*) FILTER (is_same_user) AS same_user, count(*) FILTER (is_same_base) AS same_base
  FROM others
  GROUP BY moment_id
), shared AS (
  SELECT moment_id, edit_id, field, epoch_us(asked_at - opened_at) / 3.6e9 AS age_hours
  FROM others JOIN announced_fields USING (moment_id)
  WHERE list_contains(fields, field)
), of_sharing AS (
  SELECT moment_id, sum(exp(-age_hours / 72)) AS overlap
  FROM (SELECT DISTINCT moment_id, edit_id, age_hours FROM shared)
  GROUP BY moment_id
), of_shared_fields AS (
  SELECT moment_id, count(DISTINCT field) AS fields FROM shared GROUP BY moment_id
)
SELECT
  moment_id,
  coalesce(of_versions.versions, 0) AS versions_behind,
  coalesce(of_missed_fields.fields, 0) AS fields_behind,
  coalesce(of_missed_fields.fields / of_edit.announced, 0) AS fields_behind_share,
  coalesce(of_versions.hours, 0) AS hours_behind,
  coalesce(of_others.edits, 0) AS open_edits,
  coalesce(of_others.same_user, 0) AS open_edits_same_user,
  coalesce(of_sharing.overlap, 0) AS open_overlap_recent,
  coalesce(of_shared_fields.fields, 0) AS open_fields_shared,
  coalesce(of_others.same_base, 0) AS open_same_base,
  greatest(0, epoch_us(asked_at - edited_at) / 3.6e9) AS edit_age_hours,
  1 AS records_open
FROM moments
LEFT JOIN of_edit USING (moment_id)
LEFT JOIN of_versions USING (moment_id)
LEFT JOIN of_missed_fields USING (moment_id)
LEFT JOIN of_others USING (moment_id)
LEFT JOIN of_sharing USING (moment_id)
LEFT JOIN of_shared_fields USING (moment_id)
"""
