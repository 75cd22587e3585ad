"""What a push writes: a change comes with its answer in one row, a request as a row of columns instead of JSON, and
what few pushes have (conflicts, edits that end) is written by statements of its own, which the others do without.

An array of rows costs both sides half a microsecond a row before any column; reading JSON into rows, and getting a
statement ready for rows that do not come, costs PostgreSQL a tenth of a millisecond a push.
"""

from importlib import import_module

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

BEFORE = import_module("sync_api.db.migrations.versions.0026_first_event_of_a_record").WRITE
MORE_TYPES_BEFORE = import_module("sync_api.db.migrations.versions.0022_features_of_histories").MORE_TYPES
ANSWER_BEFORE = import_module("sync_api.db.migrations.versions.0018_push_in_two_trips").TYPES["pushed_answer"]

# sender: of whom and when. ord: the place in the tenant's order, counted from the start of the transaction.
REQUEST = """
    sender bigint, kind text, status text, item_count bigint, applied_count bigint, merged_count bigint,
    unchanged_count bigint, conflict_count bigint, auto_resolved_count bigint, rejected_count bigint,
    replayed_count bigint, bytes_in bigint, bytes_out bigint, bytes_saved_delta bigint,
    bytes_saved_compression bigint, duration_ms double precision, client_time timestamptz, ord bigint
"""

WRITE = """
CREATE FUNCTION sync.push_write(
  tenant text, length bigint, places tid[], writers xid[], senders sync.pushed_by[], records sync.pushed_record[],
  changes sync.pushed_change[], n_kept bigint, requests sync.pushed_request[], users text[], events bigint[],
  conflicts bigint[], devices text[], owners text[], metadata text[], seen_at timestamptz[], conflicting jsonb,
  decisions jsonb, edits uuid[], editors text[], pushed_at timestamptz[], closing_ord bigint[], timed bigint[],
  types text[], type_events bigint[], type_conflicts bigint[], user_pushes bigint[], user_conflicted bigint[],
  user_open_logs bigint[], push_ord bigint[], conflicted_before bigint[], open_log_before bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  n_held bigint; n_clocks bigint; n_records bigint; n_answers bigint; n_devices bigint; start bigint;
BEGIN
  PERFORM set_config('foresync.tenant', $1, true);
  WITH held AS MATERIALIZED (
    SELECT FROM unnest(places, writers) AS h (place, writer)
    CROSS JOIN LATERAL (
      SELECT FROM sync.record AS r WHERE r.ctid = h.place AND r.xmin = h.writer AND r.tenant_id = $1
      FOR NO KEY UPDATE
    ) AS r
  ), clock AS (
    UPDATE sync.tenant_clock SET seq = seq + length, timed_event_count = timed_event_count + timed[1],
      timed_conflict_count = timed_conflict_count + timed[2], timed_push_count = timed_push_count + timed[3],
      conflicted_push_count = conflicted_push_count + timed[4], open_log_sum = open_log_sum + timed[5]
    WHERE tenant_id = $1 AND (SELECT count(*) FROM held) = cardinality(places)
    RETURNING seq - length AS start, timed_push_count - timed[3] AS pushes,
      conflicted_push_count - timed[4] AS conflicted, open_log_sum - timed[5] AS open_log
  ), sender AS MATERIALIZED (
    SELECT * FROM unnest(senders) WITH ORDINALITY AS s (sync_id, sync_session_id, user_id, device_id, received_at,
      network_type, device_metadata, number)
  ), rec AS MATERIALIZED (
    SELECT r.*, s.received_at, s.user_id, s.device_id, f.received_at AS first_event_at
    FROM unnest(records) AS r LEFT JOIN sender AS s ON s.number = r.sender LEFT JOIN sender AS f ON f.number = r.first
  ), born AS (
    INSERT INTO sync.record (tenant_id, entity_type, entity_id, project_id, version, data, field_versions, seq,
      deleted_at, updated_at, updated_by, event_count, conflict_count, first_event_at, updated_device,
      last_events)
    SELECT $1, r.entity_type, r.entity_id, r.project_id, r.version, r.data, r.stamps, clock.start + r.ord,
      CASE WHEN r.is_deleted THEN r.received_at END, r.received_at, r.user_id, r.events, r.conflicts,
      r.first_event_at, r.device_id, r.last_events
    FROM rec AS r, clock WHERE r.expected = 0
    ON CONFLICT DO NOTHING RETURNING 1
  ), changed AS (
    UPDATE sync.record AS t SET
      project_id = r.project_id, version = r.version,
      data = CASE WHEN r.replaces THEN r.data ELSE t.data || r.data END,
      field_versions = t.field_versions || r.stamps, seq = coalesce(clock.start + r.ord, t.seq),
      deleted_at = CASE WHEN r.sender IS NULL THEN t.deleted_at WHEN r.is_deleted THEN r.received_at END,
      updated_at = coalesce(r.received_at, t.updated_at), updated_by = coalesce(r.user_id, t.updated_by),
      updated_device = coalesce(r.device_id, t.updated_device), event_count = t.event_count + r.events,
      conflict_count = t.conflict_count + r.conflicts,
      first_event_at = least(t.first_event_at, r.first_event_at), last_events = r.last_events
    FROM rec AS r, clock
    WHERE t.ctid = r.place AND t.tenant_id = $1 AND t.version = r.expected
    RETURNING t.entity_type, t.entity_id, t.seq, t.project_id, old.project_id AS left_project_id
  ), moved AS (
    INSERT INTO sync.access_change (tenant_id, project_id, user_id, entity_type, entity_id, seq)
    SELECT $1, coalesce(left_project_id, ''), '', entity_type, entity_id, seq FROM changed
    WHERE left_project_id IS DISTINCT FROM project_id
    ON CONFLICT (tenant_id, project_id, user_id, entity_type, entity_id) DO UPDATE SET seq = excluded.seq
  ), change AS MATERIALIZED (
    SELECT c.*, s.sync_id, s.sync_session_id, s.user_id, s.device_id, s.received_at, s.network_type, s.device_metadata
    FROM unnest(changes) AS c JOIN sender AS s ON s.number = c.sender
  ), logged AS (
    INSERT INTO sync.sync_log (tenant_id, received_at, id, seq, sync_id, sync_session_id, user_id, device_id,
      entity_type, entity_id, project_id, offline_id, operation, base_version, server_version, new_version, outcome,
      is_conflicted, field_changes, fields, edited_at_sent, edited_at, network_type, device_metadata, edit_id,
      prediction_id, concurrent_editors, hours_since_last_sync)
    SELECT $1, c.received_at, c.id, clock.start + c.ord, c.sync_id, c.sync_session_id, c.user_id, c.device_id,
      c.entity_type, c.entity_id, c.project_id, c.offline_id, c.operation, c.base_version, c.server_version,
      c.new_version, c.outcome, c.is_conflicted, c.field_changes, string_to_array(c.fields, E'\\x1f'),
      c.edited_at_sent, c.edited_at, c.network_type, c.device_metadata, c.edit_id, c.prediction_id,
      c.concurrent_editors, c.hours_since_last_sync
    FROM clock, change AS c WHERE c.outcome IS NOT NULL
  ), answered AS (
    INSERT INTO sync.applied_change (tenant_id, user_id, device_id, entity_type, offline_id, content_sha256, answer)
    SELECT $1, c.user_id, c.device_id, c.entity_type, c.offline_id, c.content_sha256, c.answer
    FROM clock, change AS c WHERE c.answer IS NOT NULL
    ON CONFLICT DO NOTHING RETURNING 1
  ), requested AS (
    INSERT INTO sync.sync_request (tenant_id, received_at, sync_id, sync_session_id, user_id, device_id, network_type,
      kind, status, item_count, applied_count, merged_count, unchanged_count, conflict_count, auto_resolved_count,
      rejected_count, replayed_count, bytes_in, bytes_out, bytes_saved_delta, bytes_saved_compression, duration_ms,
      client_time, seq)
    SELECT $1, s.received_at, s.sync_id, s.sync_session_id, s.user_id, s.device_id, s.network_type,
      r.kind, r.status, r.item_count, r.applied_count, r.merged_count, r.unchanged_count, r.conflict_count,
      r.auto_resolved_count, r.rejected_count, r.replayed_count, r.bytes_in, r.bytes_out, r.bytes_saved_delta,
      r.bytes_saved_compression, r.duration_ms, r.client_time, clock.start + r.ord
    FROM clock, unnest(requests) AS r JOIN sender AS s ON s.number = r.sender
  ), active AS (
    INSERT INTO sync.user_activity AS u (tenant_id, user_id, event_count, conflict_count, timed_push_count,
      conflicted_push_count, open_log_sum)
    SELECT $1, a.* FROM clock, unnest(users, events, conflicts, user_pushes, user_conflicted, user_open_logs)
      AS a (user_id, events, conflicts, pushes, conflicted, open_log)
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET event_count = u.event_count + excluded.event_count,
      conflict_count = u.conflict_count + excluded.conflict_count,
      timed_push_count = u.timed_push_count + excluded.timed_push_count,
      conflicted_push_count = u.conflicted_push_count + excluded.conflicted_push_count,
      open_log_sum = u.open_log_sum + excluded.open_log_sum
  ), typed AS (
    INSERT INTO sync.type_activity AS t (tenant_id, entity_type, timed_event_count, timed_conflict_count)
    SELECT $1, a.* FROM clock, unnest(types, type_events, type_conflicts) AS a (entity_type, events, conflicts)
    ON CONFLICT (tenant_id, entity_type) DO UPDATE SET
      timed_event_count = t.timed_event_count + excluded.timed_event_count,
      timed_conflict_count = t.timed_conflict_count + excluded.timed_conflict_count
  ), recent AS (
    INSERT INTO sync.recent_push (tenant_id, slot, conflicted_before, open_log_before)
    SELECT $1, mod(clock.pushes + p.ord, 200), clock.conflicted + p.conflicted, clock.open_log + p.open_log
    FROM clock, unnest(push_ord, conflicted_before, open_log_before) AS p (ord, conflicted, open_log)
    ON CONFLICT (tenant_id, slot) DO UPDATE SET conflicted_before = excluded.conflicted_before,
      open_log_before = excluded.open_log_before
  ), seen AS (
    INSERT INTO sync.device AS d (tenant_id, device_id, user_id, metadata, first_seen_at, last_seen_at)
    SELECT $1, s.device_id, s.user_id, s.metadata::jsonb, s.seen_at, s.seen_at
    FROM clock, unnest(devices, owners, metadata, seen_at) AS s (device_id, user_id, metadata, seen_at)
    ON CONFLICT (tenant_id, device_id) DO UPDATE SET last_seen_at = greatest(d.last_seen_at, excluded.last_seen_at),
      metadata = CASE WHEN excluded.metadata = '{}' THEN d.metadata ELSE excluded.metadata END
    WHERE d.user_id = excluded.user_id
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM held), (SELECT count(*) FROM clock),
    (SELECT count(*) FROM born) + (SELECT count(*) FROM changed), (SELECT count(*) FROM answered),
    (SELECT count(*) FROM seen), (SELECT clock.start FROM clock)
  INTO n_held, n_clocks, n_records, n_answers, n_devices, start;
  IF n_held = cardinality(places) AND n_clocks = 0 THEN
    RAISE USING MESSAGE = 'there is no clock for the tenant ' || $1;
  END IF;
  IF (n_held, n_records, n_answers, n_devices)
    <> (cardinality(places), cardinality(records), n_kept, cardinality(devices)) THEN
    RAISE 'somebody else has just written what this push is about' USING ERRCODE = 'serialization_failure';
  END IF;
  IF conflicting <> '[]' THEN
    INSERT INTO sync.conflict_resolution (tenant_id, conflict_id, event_received_at, event_id, entity_type, entity_id,
      project_id, user_id, device_id, conflicted_with, reason, detection, severity, resolution_strategy, status,
      is_auto_resolved, is_shadow, field_conflicts, client_state, server_state, client_version, server_version,
      policy_version, user_notified, created_at, resolved_at, resolved_by, changed_seq)
    SELECT $1, p.conflict_id, p.event_received_at, p.event_id, p.entity_type, p.entity_id, p.project_id, p.user_id,
      p.device_id, p.conflicted_with, p.reason, p.detection, p.severity, p.resolution_strategy, p.status,
      p.is_auto_resolved, p.is_shadow, p.field_conflicts, p.client_state, p.server_state, p.client_version,
      p.server_version, p.policy_version, p.user_notified, p.created_at, p.resolved_at, p.resolved_by,
      start + p.changed_seq
    FROM jsonb_populate_recordset(NULL::sync.conflict_resolution, conflicting) AS p;
    INSERT INTO sync.conflict_resolution_log
    SELECT p.* FROM jsonb_populate_recordset(NULL::sync.conflict_resolution_log, decisions) AS p;
  END IF;
  IF cardinality(edits) > 0 THEN
    INSERT INTO sync.edit_session_event (tenant_id, id, seq, edit_id, event, user_id, device_id, entity_type,
      entity_id, base_version, fields, received_at, expires_at)
    SELECT $1, uuidv7(), start + p.ord, p.edit_id, 'closed', e.user_id, e.device_id, e.entity_type, e.entity_id,
      e.base_version, e.fields, p.pushed_at, p.pushed_at
    FROM unnest(edits, editors, pushed_at, closing_ord) AS p (edit_id, user_id, pushed_at, ord)
    CROSS JOIN LATERAL (
      SELECT e.* FROM sync.edit_session_event AS e
      WHERE e.tenant_id = $1 AND e.edit_id = p.edit_id ORDER BY e.seq DESC LIMIT 1
    ) AS e
    WHERE e.event <> 'closed' AND e.user_id = p.user_id;
  END IF;
END $$
"""
TYPES = """text, bigint, tid[], xid[], sync.pushed_by[], sync.pushed_record[], sync.pushed_change[], bigint,
    sync.pushed_request[], text[], bigint[], bigint[], text[], text[], text[], timestamptz[], jsonb, jsonb, uuid[],
    text[], timestamptz[], bigint[], bigint[], text[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[],
    bigint[], bigint[]"""


def upgrade() -> None:
    op.execute(f"DROP FUNCTION sync.push_write({MORE_TYPES_BEFORE})")
    op.execute("DROP TYPE sync.pushed_answer")
    op.execute(f"CREATE TYPE sync.pushed_request AS ({REQUEST})")
    op.execute("ALTER TYPE sync.pushed_change ADD ATTRIBUTE content_sha256 bytea, ADD ATTRIBUTE answer text")
    op.execute("ALTER TYPE sync.pushed_record DROP ATTRIBUTE first_event_at, ADD ATTRIBUTE first bigint")
    _create(WRITE, TYPES)


def downgrade() -> None:
    op.execute(f"DROP FUNCTION sync.push_write({TYPES})")
    op.execute("ALTER TYPE sync.pushed_record DROP ATTRIBUTE first, ADD ATTRIBUTE first_event_at timestamptz")
    op.execute("ALTER TYPE sync.pushed_change DROP ATTRIBUTE content_sha256, DROP ATTRIBUTE answer")
    op.execute("DROP TYPE sync.pushed_request")
    op.execute(f"CREATE TYPE sync.pushed_answer AS ({ANSWER_BEFORE})")
    _create(BEFORE, MORE_TYPES_BEFORE)


def _create(function: str, types: str) -> None:
    op.get_bind().exec_driver_sql(function)
    op.execute(f"REVOKE EXECUTE ON FUNCTION sync.push_write({types}) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION sync.push_write({types}) TO foresync_api")
