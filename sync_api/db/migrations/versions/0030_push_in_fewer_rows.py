"""What a push reads and writes: less of it sent as rows, and its records read in one scan.

A row costs the client ten times what a text does, whatever it holds. So the records that are asked for come as one JSON
object (their ids, by type), and what becomes of a record stands in the row of the change that did it.

The ids of a type are looked up by one scan of the index, which goes on from one to the next. Look-ups one by one begin
anew each time, and ask each time whose rows these are: two fifths of what reading cost.
"""

from importlib import import_module

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

BEFORE = import_module("sync_api.db.migrations.versions.0029_push_written_plainly")

# What a row of a change says of its record.
RECORD = {
    "data": "jsonb", "replaces": "boolean", "stamps": "jsonb", "is_deleted": "boolean", "events": "bigint",
    "conflicts": "bigint", "place": "tid", "last_events": "jsonb", "first": "bigint", "writer": "xid",
}  # fmt: skip
RECORD_BEFORE = """entity_type text, entity_id text, project_id text, expected integer, version integer, data jsonb,
    replaces boolean, stamps jsonb, ord bigint, sender bigint, is_deleted boolean, events bigint, conflicts bigint,
    place tid, last_events jsonb, first bigint, writer xid"""

READ = """CREATE FUNCTION sync.push_read(
  tenant text, wanted json, changes sync.change_key[], devices text[], locks boolean,
  OUT config_version bigint,
  OUT types text[], OUT ids text[], OUT places tid[], OUT writers xid[], OUT versions integer[], OUT data text[],
  OUT stamps text[], OUT deleted boolean[], OUT projects text[], OUT last_events text[],
  OUT open_types text[], OUT open_ids text[], OUT editing text[],
  OUT answered_users text[], OUT answered_devices text[], OUT answered_types text[], OUT answered_ids text[],
  OUT hashes bytea[], OUT answers text[], OUT owned text[], OUT owners text[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('foresync.tenant', $1, true);
  IF locks THEN
    PERFORM FROM json_each($2) AS t (entity_type, ids)
    CROSS JOIN LATERAL json_array_elements_text(t.ids) AS k (entity_id)
    CROSS JOIN LATERAL (
      SELECT FROM sync.record AS r
      WHERE r.tenant_id = $1 AND r.entity_type = t.entity_type AND r.entity_id = k.entity_id
      FOR NO KEY UPDATE
    ) AS r;
  END IF;
  SELECT max(t.config_version) INTO config_version FROM sync.tenant AS t WHERE t.tenant_id = $1;
  SELECT array_agg(k.entity_type), array_agg(r.entity_id), array_agg(r.place), array_agg(r.writer),
    array_agg(r.version), array_agg(r.data), array_agg(r.stamps), array_agg(r.is_deleted), array_agg(r.project_id),
    array_agg(r.last_events)
  INTO types, ids, places, writers, versions, data, stamps, deleted, projects, last_events
  FROM (
    SELECT t.key AS entity_type, ARRAY(SELECT json_array_elements_text(t.value)) AS ids FROM json_each($2) AS t OFFSET 0
  ) AS k
  CROSS JOIN LATERAL (
    SELECT r.entity_id, r.ctid AS place, r.xmin AS writer, r.version, r.data::text AS data,
      r.field_versions::text AS stamps, r.deleted_at IS NOT NULL AS is_deleted, r.project_id,
      r.last_events::text AS last_events
    FROM sync.record AS r
    WHERE r.tenant_id = $1 AND r.entity_type = k.entity_type AND r.entity_id = ANY (k.ids)
    OFFSET 0
  ) AS r;
  SELECT array_agg(k.entity_type), array_agg(e.entity_id), array_agg(e.user_id)
  INTO open_types, open_ids, editing
  FROM (
    SELECT t.key AS entity_type, ARRAY(SELECT json_array_elements_text(t.value)) AS ids FROM json_each($2) AS t OFFSET 0
  ) AS k
  CROSS JOIN LATERAL (
    SELECT e.entity_id, e.user_id FROM sync.edit_session_event AS e
    WHERE e.tenant_id = $1 AND e.entity_type = k.entity_type AND e.entity_id = ANY (k.ids)
      AND e.expires_at > now() AND e.event <> 'closed'
      AND NOT EXISTS (SELECT FROM sync.edit_session_event AS newer
                      WHERE newer.tenant_id = $1 AND newer.edit_id = e.edit_id AND newer.seq > e.seq)
    OFFSET 0
  ) AS e;
  SELECT array_agg(k.user_id), array_agg(k.device_id), array_agg(k.entity_type), array_agg(k.offline_id),
    array_agg(a.content_sha256), array_agg(a.answer)
  INTO answered_users, answered_devices, answered_types, answered_ids, hashes, answers
  FROM unnest($3) AS k
  CROSS JOIN LATERAL (
    SELECT a.content_sha256, a.answer FROM sync.applied_change AS a
    WHERE a.tenant_id = $1 AND a.user_id = k.user_id AND a.device_id = k.device_id
      AND a.entity_type = k.entity_type AND a.offline_id = k.offline_id
    OFFSET 0
  ) AS a;
  SELECT array_agg(k.device_id), array_agg(d.user_id) INTO owned, owners
  FROM unnest($4) AS k (device_id)
  CROSS JOIN LATERAL (
    SELECT d.user_id FROM sync.device AS d WHERE d.tenant_id = $1 AND d.device_id = k.device_id OFFSET 0
  ) AS d;
END $$
"""

WRITE = """CREATE FUNCTION sync.push_write(
  tenant text, length bigint, senders sync.pushed_by[], changes sync.pushed_change[],
  requests sync.pushed_request[], users text[], events bigint[], conflicts bigint[], devices text[], owners text[],
  metadata text[], seen_at timestamptz[], conflicting jsonb, decisions jsonb, edits uuid[], editors text[],
  pushed_at timestamptz[], closing_ord bigint[], timed bigint[], types text[], type_events bigint[],
  type_conflicts bigint[], user_pushes bigint[], user_conflicted bigint[], user_open_logs bigint[], push_ord bigint[],
  conflicted_before bigint[], open_log_before bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  n_found bigint; n_held bigint; n_clocks bigint; n_changed bigint; n_written bigint; n_devices bigint; start bigint;
BEGIN
  PERFORM set_config('foresync.tenant', $1, true);
  WITH rec AS MATERIALIZED (
    SELECT c.entity_type, c.entity_id, c.project_id, c.new_version, c.data, c.replaces, c.stamps, c.is_deleted,
      c.events, c.conflicts, c.place, c.last_events, c.writer,
      CASE WHEN c.new_version IS NOT NULL THEN c.ord END AS ord,
      (s.who).received_at, (s.who).user_id, (s.who).device_id, (senders[c.first]).received_at AS first_event_at
    FROM unnest(changes) AS c
    CROSS JOIN LATERAL (SELECT CASE WHEN c.new_version IS NOT NULL THEN senders[c.sender] END AS who OFFSET 0) AS s
    WHERE c.events IS NOT NULL
  ), held AS MATERIALIZED (
    SELECT FROM rec
    CROSS JOIN LATERAL (
      SELECT FROM sync.record AS r WHERE r.ctid = rec.place AND r.xmin = rec.writer AND r.tenant_id = $1
      FOR NO KEY UPDATE
    ) AS r
  ), clock AS (
    UPDATE sync.tenant_clock SET seq = seq + length, timed_event_count = timed_event_count + timed[1],
      timed_conflict_count = timed_conflict_count + timed[2], timed_push_count = timed_push_count + timed[3],
      conflicted_push_count = conflicted_push_count + timed[4], open_log_sum = open_log_sum + timed[5]
    WHERE tenant_id = $1 AND (SELECT count(*) FROM held) = (SELECT count(place) FROM rec)
    RETURNING seq - length AS start, timed_push_count - timed[3] AS pushes,
      conflicted_push_count - timed[4] AS conflicted, open_log_sum - timed[5] AS open_log
  ), born AS (
    INSERT INTO sync.record (tenant_id, entity_type, entity_id, project_id, version, data, field_versions, seq,
      deleted_at, updated_at, updated_by, event_count, conflict_count, first_event_at, updated_device,
      last_events)
    SELECT $1, r.entity_type, r.entity_id, r.project_id, r.new_version, r.data, r.stamps, clock.start + r.ord,
      CASE WHEN r.is_deleted THEN r.received_at END, r.received_at, r.user_id, r.events, r.conflicts,
      r.first_event_at, r.device_id, r.last_events
    FROM rec AS r, clock WHERE r.place IS NULL
    RETURNING 1
  ), changed AS (
    UPDATE sync.record AS t SET
      project_id = r.project_id, version = coalesce(r.new_version, t.version),
      data = CASE WHEN r.replaces THEN r.data ELSE t.data || r.data END,
      field_versions = t.field_versions || r.stamps, seq = coalesce(clock.start + r.ord, t.seq),
      deleted_at = CASE WHEN r.ord IS NULL THEN t.deleted_at WHEN r.is_deleted THEN r.received_at END,
      updated_at = coalesce(r.received_at, t.updated_at), updated_by = coalesce(r.user_id, t.updated_by),
      updated_device = coalesce(r.device_id, t.updated_device), event_count = t.event_count + r.events,
      conflict_count = t.conflict_count + r.conflicts,
      first_event_at = least(t.first_event_at, r.first_event_at), last_events = r.last_events
    FROM rec AS r, clock
    WHERE t.ctid = r.place AND t.tenant_id = $1 AND r.events > 0
    RETURNING t.entity_type, t.entity_id, t.seq, t.project_id, old.project_id AS left_project_id
  ), moved AS (
    INSERT INTO sync.access_change (tenant_id, project_id, user_id, entity_type, entity_id, seq)
    SELECT $1, coalesce(left_project_id, ''), '', entity_type, entity_id, seq FROM changed
    WHERE left_project_id IS DISTINCT FROM project_id
    ON CONFLICT (tenant_id, project_id, user_id, entity_type, entity_id) DO UPDATE SET seq = excluded.seq
  ), change AS NOT MATERIALIZED (
    SELECT c.*, s.who FROM unnest(changes) AS c CROSS JOIN LATERAL (SELECT senders[c.sender] AS who OFFSET 0) AS s
  ), logged AS (
    INSERT INTO sync.sync_log (tenant_id, received_at, id, seq, sync_id, sync_session_id, user_id, device_id,
      entity_type, entity_id, project_id, offline_id, operation, base_version, server_version, new_version, outcome,
      is_conflicted, field_changes, fields, edited_at_sent, edited_at, network_type, device_metadata, edit_id,
      prediction_id, concurrent_editors, hours_since_last_sync)
    SELECT $1, (c.who).received_at, c.id, clock.start + c.ord, (c.who).sync_id, (c.who).sync_session_id,
      (c.who).user_id, (c.who).device_id, c.entity_type, c.entity_id, c.project_id, c.offline_id, c.operation,
      c.base_version, c.server_version, c.new_version, c.outcome, c.is_conflicted, c.field_changes,
      string_to_array(c.fields, E'\\x1f'), c.edited_at_sent, c.edited_at, (c.who).network_type,
      (c.who).device_metadata, c.edit_id, c.prediction_id, c.concurrent_editors, c.hours_since_last_sync
    FROM clock, change AS c WHERE c.outcome IS NOT NULL
  ), answered AS (
    INSERT INTO sync.applied_change (tenant_id, user_id, device_id, entity_type, offline_id, content_sha256, answer)
    SELECT $1, (c.who).user_id, (c.who).device_id, c.entity_type, c.offline_id, c.content_sha256, c.answer
    FROM clock, change AS c WHERE c.answer IS NOT NULL
  ), requested AS (
    INSERT INTO sync.sync_request (tenant_id, received_at, sync_id, sync_session_id, user_id, device_id, network_type,
      kind, status, item_count, applied_count, merged_count, unchanged_count, conflict_count, auto_resolved_count,
      rejected_count, replayed_count, bytes_in, bytes_out, bytes_saved_delta, bytes_saved_compression, duration_ms,
      client_time, seq)
    SELECT $1, s.received_at, s.sync_id, s.sync_session_id, s.user_id, s.device_id, s.network_type,
      r.kind, r.status, r.item_count, r.applied_count, r.merged_count, r.unchanged_count, r.conflict_count,
      r.auto_resolved_count, r.rejected_count, r.replayed_count, r.bytes_in, r.bytes_out, r.bytes_saved_delta,
      r.bytes_saved_compression, r.duration_ms, r.client_time, clock.start + r.ord
    FROM clock, unnest(requests) AS r CROSS JOIN LATERAL (SELECT (senders[r.sender]).*) AS s
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
  SELECT (SELECT count(place) FROM rec), (SELECT count(*) FROM held), (SELECT count(*) FROM clock),
    (SELECT count(*) FROM rec WHERE rec.events > 0), (SELECT count(*) FROM born) + (SELECT count(*) FROM changed),
    (SELECT count(*) FROM seen), (SELECT clock.start FROM clock)
  INTO n_found, n_held, n_clocks, n_changed, n_written, n_devices, start;
  IF n_held = n_found AND n_clocks = 0 THEN
    RAISE USING MESSAGE = 'there is no clock for the tenant ' || $1;
  END IF;
  IF (n_held, n_written, n_devices) <> (n_found, n_changed, cardinality(devices)) THEN
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

READ_TYPES = "text, json, sync.change_key[], text[], boolean"
TYPES = """text, bigint, sync.pushed_by[], sync.pushed_change[], sync.pushed_request[], text[], bigint[], bigint[],
    text[], text[], text[], timestamptz[], jsonb, jsonb, uuid[], text[], timestamptz[], bigint[], bigint[], text[],
    bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[]"""


def upgrade() -> None:
    op.execute(f"DROP FUNCTION sync.push_write({BEFORE.TYPES})")
    op.execute(f"DROP FUNCTION sync.push_read({BEFORE.READ_TYPES})")
    op.execute("DROP TYPE sync.pushed_record")
    added = ", ".join(f"ADD ATTRIBUTE {name} {kind}" for name, kind in RECORD.items())
    op.execute(f"ALTER TYPE sync.pushed_change {added}")
    _create("push_read", READ, READ_TYPES)
    _create("push_write", WRITE, TYPES)


def downgrade() -> None:
    op.execute(f"DROP FUNCTION sync.push_write({TYPES})")
    op.execute(f"DROP FUNCTION sync.push_read({READ_TYPES})")
    dropped = ", ".join(f"DROP ATTRIBUTE {name}" for name in RECORD)
    op.execute(f"ALTER TYPE sync.pushed_change {dropped}")
    op.execute(f"CREATE TYPE sync.pushed_record AS ({RECORD_BEFORE})")
    _create("push_read", BEFORE.READ, BEFORE.READ_TYPES)
    _create("push_write", BEFORE.WRITE, BEFORE.TYPES)


def _create(name: str, function: str, types: str) -> None:
    op.get_bind().exec_driver_sql(function)
    op.execute(f"REVOKE EXECUTE ON FUNCTION sync.{name}({types}) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION sync.{name}({types}) TO foresync_api")
