"""What a push reads and what it writes as functions: each sets the tenant for the one transaction that it is called
in, so that a push asks twice, where a transaction of its own would ask four times.

They run as their caller, under row-level security. What is read is not locked unless asked for; what is written locks
the records first, in one order, and goes on only if each is still the very row that was read (its place and the
transaction that wrote it), so that whoever was not alone writes nothing. The tenant's clock comes last of all locks:
whatever carries a seq is committed in the order of its seq.

Every look-up is a LATERAL by the whole key, and locked records are written where they were found (their ctid cannot
move while they are locked): a plan that joins sets instead is a hundred times slower on tables that have grown since
they were last analysed, and a first import is exactly that.
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

READ = """
CREATE FUNCTION sync.push_read(
  tenant text, keys sync.record_key[], changes sync.change_key[], devices text[], locks boolean,
  OUT config_version bigint,
  OUT types text[], OUT ids text[], OUT places tid[], OUT writers xid[], OUT versions integer[], OUT data text[],
  OUT stamps text[], OUT deleted boolean[], OUT projects text[], OUT last_events text[], OUT editing text[],
  OUT answered_users text[], OUT answered_devices text[], OUT answered_types text[], OUT answered_ids text[],
  OUT hashes bytea[], OUT answers text[], OUT owned text[], OUT owners text[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('foresync.tenant', $1, true);
  IF locks THEN
    PERFORM FROM unnest($2) AS k CROSS JOIN LATERAL (
      SELECT FROM sync.record AS r
      WHERE r.tenant_id = $1 AND r.entity_type = k.entity_type AND r.entity_id = k.entity_id
      FOR NO KEY UPDATE
    ) AS r;
  END IF;
  SELECT max(t.config_version) INTO config_version FROM sync.tenant AS t WHERE t.tenant_id = $1;
  SELECT array_agg(r.entity_type), array_agg(r.entity_id), array_agg(r.place), array_agg(r.writer),
    array_agg(r.version), array_agg(r.data), array_agg(r.stamps), array_agg(r.is_deleted), array_agg(r.project_id),
    array_agg(r.last_events), array_agg(r.editing)
  INTO types, ids, places, writers, versions, data, stamps, deleted, projects, last_events, editing
  FROM unnest($2) AS k
  CROSS JOIN LATERAL (
    SELECT r.entity_type, r.entity_id, r.ctid AS place, r.xmin AS writer, r.version, r.data::text AS data,
      r.field_versions::text AS stamps, r.deleted_at IS NOT NULL AS is_deleted, r.project_id,
      r.last_events::text AS last_events, (
        SELECT string_agg(e.user_id, E'\\x1f') FROM sync.edit_session_event AS e
        WHERE e.tenant_id = $1 AND e.entity_type = k.entity_type AND e.entity_id = k.entity_id
          AND e.expires_at > now() AND e.event <> 'closed'
          AND NOT EXISTS (SELECT FROM sync.edit_session_event AS newer
                          WHERE newer.tenant_id = $1 AND newer.edit_id = e.edit_id AND newer.seq > e.seq)
      ) AS editing
    FROM sync.record AS r
    WHERE r.tenant_id = $1 AND r.entity_type = k.entity_type AND r.entity_id = k.entity_id
    OFFSET 0
  ) AS r;
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

# What events have replaced in a field: the old values, each with the number of the question that it answers.
REPLACED = """
CREATE FUNCTION sync.push_replaced(
  tenant text, fields text[], times timestamptz[], events uuid[], OUT numbers bigint[], OUT replaced text[])
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('foresync.tenant', $1, true);
  SELECT array_agg(k.number), array_agg(old.value) INTO numbers, replaced
  FROM unnest($2, $3, $4) WITH ORDINALITY AS k (field, received_at, event_id, number)
  CROSS JOIN LATERAL (
    SELECT (l.field_changes -> k.field -> 'old')::text AS value FROM sync.sync_log AS l
    WHERE l.tenant_id = $1 AND l.received_at = k.received_at AND l.id = k.event_id AND l.field_changes ? k.field
    OFFSET 0
  ) AS old;
END $$
"""

WRITE = """
CREATE FUNCTION sync.push_write(
  tenant text, length bigint, places tid[], writers xid[], senders sync.pushed_by[], records sync.pushed_record[],
  log sync.pushed_change[], answers sync.pushed_answer[], users text[], events bigint[], conflicts bigint[],
  devices text[], owners text[], metadata text[], seen_at timestamptz[], requests jsonb, conflicting jsonb,
  decisions jsonb, edits uuid[], editors text[], pushed_at timestamptz[], closing_ord bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  n_held bigint; n_clocks bigint; n_records bigint; n_answers bigint; n_devices bigint;
BEGIN
  PERFORM set_config('foresync.tenant', $1, true);
  WITH held AS MATERIALIZED (
    SELECT FROM unnest($3, $4) AS h (place, writer)
    CROSS JOIN LATERAL (
      SELECT FROM sync.record AS r WHERE r.ctid = h.place AND r.xmin = h.writer AND r.tenant_id = $1
      FOR NO KEY UPDATE
    ) AS r
  ), clock AS (
    UPDATE sync.tenant_clock SET seq = seq + $2
    WHERE tenant_id = $1 AND (SELECT count(*) FROM held) = cardinality($3) RETURNING seq - $2 AS start
  ), sender AS MATERIALIZED (
    SELECT * FROM unnest($5) WITH ORDINALITY AS s (sync_id, sync_session_id, user_id, device_id, received_at,
      network_type, device_metadata, number)
  ), rec AS MATERIALIZED (
    SELECT r.*, s.received_at, s.user_id, s.device_id
    FROM unnest($6) AS r LEFT JOIN sender AS s ON s.number = r.sender
  ), born AS (
    INSERT INTO sync.record (tenant_id, entity_type, entity_id, project_id, version, data, field_versions, seq,
      deleted_at, updated_at, updated_by, event_count, conflict_count, first_event_at, updated_device,
      last_events)
    SELECT $1, r.entity_type, r.entity_id, r.project_id, r.version, r.data, r.stamps, clock.start + r.ord,
      CASE WHEN r.is_deleted THEN r.received_at END, r.received_at, r.user_id, r.events, r.conflicts, r.received_at,
      r.device_id, r.last_events
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
      conflict_count = t.conflict_count + r.conflicts, last_events = r.last_events
    FROM rec AS r, clock
    WHERE t.ctid = r.place AND t.tenant_id = $1 AND t.version = r.expected
    RETURNING t.entity_type, t.entity_id, t.seq, t.project_id, old.project_id AS left_project_id
  ), moved AS (
    INSERT INTO sync.access_change (tenant_id, project_id, user_id, entity_type, entity_id, seq)
    SELECT $1, coalesce(left_project_id, ''), '', entity_type, entity_id, seq FROM changed
    WHERE left_project_id IS DISTINCT FROM project_id
    ON CONFLICT (tenant_id, project_id, user_id, entity_type, entity_id) DO UPDATE SET seq = excluded.seq
  ), logged AS (
    INSERT INTO sync.sync_log (tenant_id, received_at, id, seq, sync_id, sync_session_id, user_id, device_id,
      entity_type, entity_id, project_id, offline_id, operation, base_version, server_version, new_version, outcome,
      is_conflicted, field_changes, fields, edited_at_sent, edited_at, network_type, device_metadata, edit_id,
      prediction_id, concurrent_editors, hours_since_last_sync)
    SELECT $1, s.received_at, l.id, clock.start + l.ord, s.sync_id, s.sync_session_id, s.user_id, s.device_id,
      l.entity_type, l.entity_id, l.project_id, l.offline_id, l.operation, l.base_version, l.server_version,
      l.new_version, l.outcome, l.is_conflicted, l.field_changes, string_to_array(l.fields, E'\\x1f'),
      l.edited_at_sent, l.edited_at, s.network_type, s.device_metadata, l.edit_id, l.prediction_id,
      l.concurrent_editors, l.hours_since_last_sync
    FROM clock, unnest($7) AS l JOIN sender AS s ON s.number = l.sender
  ), answered AS (
    INSERT INTO sync.applied_change (tenant_id, user_id, device_id, entity_type, offline_id, content_sha256, answer)
    SELECT $1, s.user_id, s.device_id, a.entity_type, a.offline_id, a.content_sha256, a.answer
    FROM clock, unnest($8) AS a JOIN sender AS s ON s.number = a.sender
    ON CONFLICT DO NOTHING RETURNING 1
  ), active AS (
    INSERT INTO sync.user_activity AS u (tenant_id, user_id, event_count, conflict_count)
    SELECT $1, a.* FROM clock, unnest($9, $10, $11) AS a (user_id, events, conflicts)
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET event_count = u.event_count + excluded.event_count,
      conflict_count = u.conflict_count + excluded.conflict_count
  ), seen AS (
    INSERT INTO sync.device AS d (tenant_id, device_id, user_id, metadata, first_seen_at, last_seen_at)
    SELECT $1, s.device_id, s.user_id, s.metadata::jsonb, s.seen_at, s.seen_at
    FROM clock, unnest($12, $13, $14, $15) AS s (device_id, user_id, metadata, seen_at)
    ON CONFLICT (tenant_id, device_id) DO UPDATE SET last_seen_at = greatest(d.last_seen_at, excluded.last_seen_at),
      metadata = CASE WHEN excluded.metadata = '{}' THEN d.metadata ELSE excluded.metadata END
    WHERE d.user_id = excluded.user_id
    RETURNING 1
  ), requested AS (
    INSERT INTO sync.sync_request SELECT r.* FROM clock, jsonb_populate_recordset(NULL::sync.sync_request, $16) AS p,
      LATERAL jsonb_populate_record(p, jsonb_build_object('seq', clock.start + p.seq)) AS r
  ), conflicted AS (
    INSERT INTO sync.conflict_resolution SELECT r.* FROM clock,
      jsonb_populate_recordset(NULL::sync.conflict_resolution, $17) AS p,
      LATERAL jsonb_populate_record(p, jsonb_build_object('changed_seq', clock.start + p.changed_seq)) AS r
  ), decided AS (
    INSERT INTO sync.conflict_resolution_log
    SELECT p.* FROM clock, jsonb_populate_recordset(NULL::sync.conflict_resolution_log, $18) AS p
  ), closed AS (
    INSERT INTO sync.edit_session_event (tenant_id, id, seq, edit_id, event, user_id, device_id, entity_type,
      entity_id, base_version, fields, received_at, expires_at)
    SELECT $1, uuidv7(), clock.start + p.ord, p.edit_id, 'closed', e.user_id, e.device_id, e.entity_type, e.entity_id,
      e.base_version, e.fields, p.pushed_at, p.pushed_at
    FROM clock, unnest($19, $20, $21, $22) AS p (edit_id, user_id, pushed_at, ord)
    CROSS JOIN LATERAL (
      SELECT e.* FROM sync.edit_session_event AS e
      WHERE e.tenant_id = $1 AND e.edit_id = p.edit_id ORDER BY e.seq DESC LIMIT 1
    ) AS e
    WHERE e.event <> 'closed' AND e.user_id = p.user_id
  )
  SELECT (SELECT count(*) FROM held), (SELECT count(*) FROM clock),
    (SELECT count(*) FROM born) + (SELECT count(*) FROM changed), (SELECT count(*) FROM answered),
    (SELECT count(*) FROM seen)
  INTO n_held, n_clocks, n_records, n_answers, n_devices;
  IF n_held = cardinality($3) AND n_clocks = 0 THEN
    RAISE USING MESSAGE = 'there is no clock for the tenant ' || $1;
  END IF;
  IF (n_held, n_records, n_answers, n_devices)
    <> (cardinality($3), cardinality($6), cardinality($8), cardinality($12)) THEN
    RAISE 'somebody else has just written what this push is about' USING ERRCODE = 'serialization_failure';
  END IF;
END $$
"""

FUNCTIONS = {
    "push_read": "text, sync.record_key[], sync.change_key[], text[], boolean",
    "push_replaced": "text, text[], timestamptz[], uuid[]",
    "push_write": """text, bigint, tid[], xid[], sync.pushed_by[], sync.pushed_record[], sync.pushed_change[],
        sync.pushed_answer[], text[], bigint[], bigint[], text[], text[], text[], timestamptz[], jsonb, jsonb, jsonb,
        uuid[], text[], timestamptz[], bigint[]""",
}


TYPES = {
    "pushed_by": """
        sync_id uuid, sync_session_id text, user_id text, device_id text, received_at timestamptz, network_type text,
        device_metadata jsonb""",
    "pushed_record": """
        entity_type text, entity_id text, project_id text, expected integer, version integer, data jsonb,
        replaces boolean, stamps jsonb, ord bigint, sender bigint, is_deleted boolean, events bigint, conflicts bigint,
        place tid, last_events jsonb""",
    "pushed_change": """
        id uuid, sender bigint, ord bigint, entity_type text, entity_id text, project_id text, offline_id text,
        operation text, base_version integer, server_version integer, new_version integer, outcome text,
        is_conflicted boolean, field_changes jsonb, fields text, edited_at_sent timestamptz, edited_at timestamptz,
        edit_id uuid, prediction_id uuid, concurrent_editors integer, hours_since_last_sync double precision""",
    "pushed_answer": "sender bigint, entity_type text, offline_id text, content_sha256 bytea, answer text",
}


def upgrade() -> None:
    for name, columns in TYPES.items():
        op.execute(f"CREATE TYPE sync.{name} AS ({columns})")
    for text in (READ, REPLACED, WRITE):
        op.get_bind().exec_driver_sql(text)
    for name, types in FUNCTIONS.items():
        op.execute(f"REVOKE EXECUTE ON FUNCTION sync.{name}({types}) FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION sync.{name}({types}) TO foresync_api")


def downgrade() -> None:
    for name, types in FUNCTIONS.items():
        op.execute(f"DROP FUNCTION sync.{name}({types})")
    for name in TYPES:
        op.execute(f"DROP TYPE sync.{name}")
