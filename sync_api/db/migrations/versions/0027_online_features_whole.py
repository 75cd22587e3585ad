"""The online features of a queue in one pass: what is asked of all edits alike is one statement over all of them, and
only what few edits need is looked up for each of those.

Whom a record's project shuts out is told so apart from the figures (`is_hidden`): they are those of a record that is
not there, which the warehouse, knowing all, cannot arrive at. The arguments are those of before, and what was answered
by name still is: a prediction server that runs on does not notice.
"""

from importlib import import_module

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

# One formula, for records read along with all others and for those that are read by themselves. A function of plain
# SQL, so that the planner puts its text where it is called; nobody calls it from outside.
# A factor of 0 has no logarithm, and exp() refuses to underflow.
FIELD_OVERLAP = """
CREATE FUNCTION sync.field_overlap(
  others bigint, others_touched text[], announced_fields text[], asked_type text, guessed_types text[],
  guessed_fields text[], guessed_shares double precision[])
RETURNS TABLE (score double precision) LANGUAGE sql STABLE AS $$
  SELECT 1 - exp(greatest(-700, coalesce(sum(ln(greatest(
    1e-300, 1 - (touched.events::float8 / others) * likely.share))), 0)))
  FROM (SELECT field, count(*) AS events FROM unnest(others_touched) AS field GROUP BY field) AS touched
  JOIN (
    SELECT field, 1.0::float8 AS share FROM unnest(announced_fields) AS field
    UNION ALL
    SELECT guess.field, guess.share
    FROM unnest(guessed_types, guessed_fields, guessed_shares) AS guess (entity_type, field, share)
    WHERE cardinality(announced_fields) = 0 AND guess.entity_type = asked_type
  ) AS likely USING (field)
$$
"""
OVERLAP_SIGNATURE = "sync.field_overlap(bigint, text[], text[], text, text[], text[], double precision[])"

# How it is laid out. A statement costs by the months of the log that it opens before it costs by the rows it reads, so:
# - The tenant is read once, and each type once. On the way, where the log has to be opened at all (`oldest`): months
#   from before that are left out when the statement starts, and not for each edit again.
# - One statement reads, for all edits, the asker, the record, who has it open, and the log of a record of up to 50
#   events: its whole life, from which everything is counted at one look.
# - What is left is rare and read edit by edit: a record of more events (the week, and whatever else is wanted, as far
#   back as it has to be), others' open edits closely, and the versions that the asker is behind by.
# Generic plans: planning over every month's partition costs far more than running over the few that are left after
# pruning. OFFSET 0 keeps the planner from turning look-ups of a few rows into joins of whole tables, and from working
# out an edit's arguments wherever they are used.
ONLINE_FEATURES = """
CREATE FUNCTION sync.online_features(
  tenant text, asking_users text[], devices text[], entity_types text[], entity_ids text[], edits uuid[],
  base_versions integer[], ages double precision[], announced jsonb)
RETURNS TABLE (
  item integer, as_of_seq bigint, asked_at timestamptz, record_version integer, is_hidden boolean,
  concurrent_editors double precision, hours_since_last_sync double precision, user_conflict_rate double precision,
  entity_edit_frequency double precision, field_overlap_score double precision, is_announced double precision,
  versions_behind double precision, fields_behind double precision, fields_behind_share double precision,
  hours_behind double precision, open_edits double precision, open_edits_same_user double precision,
  open_overlap_recent double precision, open_fields_shared double precision, open_same_base double precision,
  record_conflicts_180d double precision, record_events_90d double precision, type_conflict_rate double precision,
  tenant_conflict_share double precision, user_push_conflict_rate double precision,
  user_open_log_seconds double precision, edit_age_hours double precision, records_open double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
  -- In hours: a day of an interval has 23 or 25 of them where the clock is put forward or back.
  now_at timestamptz := clock_timestamp();
  minutes_ago timestamptz := now_at - interval '5 minutes';
  week_ago timestamptz := now_at - interval '168 hours';
  since_90d timestamptz := now_at - interval '2160 hours';
  since_180d timestamptz := now_at - interval '4320 hours';

  the_tenant record;
  tenant_rate double precision;
  tenant_push_rate double precision;
  tenant_share double precision;
  tenant_log double precision;

  -- the types that are asked about; for those where somebody does not say which fields, how likely each field is
  of_type record;
  types text[] := '{}';
  type_rates double precision[] := '{}';
  guess record;
  guessed_types text[] := '{}';
  guessed_fields text[] := '{}';
  guessed_shares double precision[] := '{}';
  oldest timestamptz;

  edit record;
  behind bigint;
  missed bigint;
  missed_fields text[];
  missed_since timestamptz;
  is_deleted_since boolean;

  -- a stretch of the log, and what is in it
  span interval;
  from_at timestamptz;
  to_at timestamptz;
  stretch record;
BEGIN
  PERFORM set_config('foresync.tenant', tenant, true);

  -- the last 200 pushes: all of them, less those from before the oldest of the 200
  SELECT c.seq, c.timed_event_count AS events, c.timed_conflict_count AS conflicts, c.timed_push_count AS pushes,
    c.conflicted_push_count AS conflicted, recent.conflicted AS recent_conflicted, recent.open_log AS recent_open_log
  INTO the_tenant
  FROM sync.tenant_clock AS c
  LEFT JOIN sync.recent_push AS p
    ON c.timed_push_count >= 200 AND p.tenant_id = tenant AND p.slot = mod(c.timed_push_count + 1, 200)
  CROSS JOIN LATERAL (
    SELECT CASE WHEN c.timed_push_count >= 200 THEN c.conflicted_push_count - p.conflicted_before
        ELSE c.conflicted_push_count END AS conflicted,
      CASE WHEN c.timed_push_count >= 200 THEN c.open_log_sum - p.open_log_before ELSE c.open_log_sum END AS open_log
  ) AS recent
  WHERE c.tenant_id = tenant;
  tenant_rate := (coalesce(the_tenant.conflicts, 0) + 1) / (coalesce(the_tenant.events, 0) + 50)::float8;
  tenant_push_rate := (coalesce(the_tenant.conflicted, 0) + 1) / (coalesce(the_tenant.pushes, 0) + 20)::float8;
  tenant_share := (coalesce(the_tenant.recent_conflicted, 0) + 1)
    / (least(200, coalesce(the_tenant.pushes, 0)) + 20)::float8;
  tenant_log := CASE WHEN the_tenant.pushes > 0
    THEN the_tenant.recent_open_log / 4294967296.0::float8 / least(200, the_tenant.pushes)
    ELSE ln(86400.0::float8) END;

  FOR of_type IN
    SELECT asked.name, asked.is_guessed, asked.looked_from, a.timed_event_count AS events,
      a.timed_conflict_count AS conflicts
    FROM (
      SELECT entity_types[number] AS name, min(r.looked_from) AS looked_from,
        bool_or(r.event_count > 0 AND coalesce(jsonb_array_length(announced -> (number - 1)), 0) = 0) AS is_guessed
      FROM generate_subscripts(entity_ids, 1) AS number
      LEFT JOIN LATERAL (
        SELECT r.event_count, CASE WHEN r.event_count <= 50 THEN
          least(r.first_event_at - interval '1 hour', CASE WHEN r.conflict_count > 0 THEN since_180d END) END
          AS looked_from
        FROM sync.record AS r
        WHERE r.tenant_id = tenant AND r.entity_type = entity_types[number] AND r.entity_id = entity_ids[number]
        OFFSET 0
      ) AS r ON true
      GROUP BY 1
    ) AS asked
    LEFT JOIN LATERAL (
      SELECT a.timed_event_count, a.timed_conflict_count FROM sync.type_activity AS a
      WHERE a.tenant_id = tenant AND a.entity_type = asked.name
      OFFSET 0
    ) AS a ON true
  LOOP
    oldest := least(oldest, of_type.looked_from);
    types := types || of_type.name;
    type_rates := type_rates
      || (coalesce(of_type.conflicts, 0) + 20 * tenant_rate) / (coalesce(of_type.events, 0) + 20);
    CONTINUE WHEN of_type.is_guessed IS NOT TRUE;
    -- the type's last 200 events; most have as many in a month
    FOREACH span IN ARRAY ARRAY[interval '31 days', '155 days', 'infinity'] LOOP
      from_at := now_at - span;
      WITH newest AS MATERIALIZED (
        SELECT l.fields FROM sync.sync_log AS l
        WHERE l.tenant_id = tenant AND l.entity_type = of_type.name AND l.outcome <> 'unchanged'
          AND l.received_at > from_at AND l.received_at <= now_at
        ORDER BY l.received_at DESC, l.seq DESC LIMIT 200
      ), number AS (
        SELECT count(*) AS events FROM newest
      ), touched AS (
        SELECT field, count(*)::float8 / (SELECT events FROM number) AS share
        FROM (SELECT unnest(newest.fields) AS field FROM newest) AS touch GROUP BY field)
      SELECT (SELECT events FROM number) AS events, array_agg(of_type.name) AS types, array_agg(field) AS fields,
        array_agg(share) AS shares
      INTO guess FROM touched;
      EXIT WHEN guess.events >= 200;
    END LOOP;
    guessed_types := guessed_types || guess.types;
    guessed_fields := guessed_fields || guess.fields;
    guessed_shares := guessed_shares || guess.shares;
  END LOOP;

  FOR edit IN
    SELECT asked.*, asker.*, r.*, look.*, overlap.score, present.*
    FROM (
      SELECT number, asking_users[number] AS user_id, devices[number] AS device_id,
        entity_types[number] AS entity_type, entity_ids[number] AS entity_id, edits[number] AS edit_id,
        base_versions[number] AS base_version, ages[number] AS age_seconds,
        CASE WHEN jsonb_array_length(announced -> (number - 1)) > 0
          THEN ARRAY(SELECT DISTINCT jsonb_array_elements_text(announced -> (number - 1))) ELSE '{}' END AS fields
      FROM generate_subscripts(entity_ids, 1) AS number
      OFFSET 0
    ) AS asked
    LEFT JOIN LATERAL (
      SELECT CASE WHEN a.event_count > 0 THEN 100.0 * a.conflict_count / a.event_count END AS user_rate,
        a.timed_push_count AS user_pushes, a.conflicted_push_count AS user_conflicted, a.open_log_sum AS user_open_log
      FROM sync.user_activity AS a WHERE a.tenant_id = tenant AND a.user_id = asked.user_id
      OFFSET 0
    ) AS asker ON true
    LEFT JOIN LATERAL (
      SELECT r.version, r.event_count, r.conflict_count, r.first_event_at AS first_at,
        least(r.first_event_at - interval '1 hour', CASE WHEN r.conflict_count > 0 THEN since_180d END)
          AS looked_from,
        r.project_id IS NOT NULL AND NOT EXISTS (
          SELECT FROM sync.project_member AS m
          WHERE m.tenant_id = tenant AND m.project_id = r.project_id AND m.user_id = asked.user_id
            AND m.revoked_at IS NULL) AS is_hidden
      FROM sync.record AS r
      WHERE r.tenant_id = tenant AND r.entity_type = asked.entity_type AND r.entity_id = asked.entity_id
      OFFSET 0
    ) AS r ON true
    LEFT JOIN LATERAL (
      WITH seen AS MATERIALIZED (
        SELECT l.user_id, l.received_at, l.seq, l.fields, l.is_conflicted AND l.edited_at < l.received_at AS is_hit
        FROM sync.sync_log AS l
        WHERE r.event_count <= 50 AND NOT r.is_hidden
          AND l.tenant_id = tenant AND l.entity_type = asked.entity_type AND l.entity_id = asked.entity_id
          AND l.outcome <> 'unchanged' AND l.received_at > oldest AND l.received_at > r.looked_from)
      SELECT max(seen.received_at) FILTER (
          WHERE seen.user_id = asked.user_id AND seen.received_at > week_ago AND seen.received_at <= now_at)
          AS last_own_at,
        array_agg(seen.user_id) FILTER (
          WHERE seen.user_id <> asked.user_id AND seen.received_at > minutes_ago AND seen.received_at < now_at)
          AS lately,
        count(*) FILTER (WHERE seen.is_hit AND seen.received_at > since_180d) AS conflicts_180d,
        count(*) FILTER (WHERE seen.received_at > since_90d) AS events_90d,
        least(20, count(*) FILTER (
          WHERE seen.user_id <> asked.user_id AND seen.received_at BETWEEN r.first_at AND now_at)) AS others,
        ARRAY(SELECT unnest(newest.fields) FROM (
          SELECT seen.fields FROM seen
          WHERE seen.user_id <> asked.user_id AND seen.received_at BETWEEN r.first_at AND now_at
          ORDER BY seen.seq DESC LIMIT 20) AS newest) AS others_touched
      FROM seen
      OFFSET 0
    ) AS look ON true
    LEFT JOIN LATERAL sync.field_overlap(
      look.others, look.others_touched, asked.fields, asked.entity_type, guessed_types, guessed_fields, guessed_shares
    ) AS overlap ON true
    LEFT JOIN LATERAL (
      -- no device named: the own user's edits are taken for the own
      SELECT array_agg(s.user_id) FILTER (WHERE s.user_id <> asked.user_id) AS editing,
        count(*) FILTER (WHERE s.is_others) AS open_edits,
        count(*) FILTER (WHERE s.is_others AND s.user_id = asked.user_id) AS open_edits_same_user
      FROM (
        SELECT s.user_id, (s.user_id <> asked.user_id OR s.device_id <> asked.device_id)
          AND (asked.edit_id IS NULL OR s.edit_id <> asked.edit_id) AS is_others
        FROM sync.edit_session_event AS s
        WHERE r.is_hidden IS NOT TRUE
          AND s.tenant_id = tenant AND s.entity_type = asked.entity_type AND s.entity_id = asked.entity_id
          AND s.event <> 'closed' AND s.expires_at > now_at
          AND NOT EXISTS (SELECT FROM sync.edit_session_event AS newer
                          WHERE newer.tenant_id = tenant AND newer.edit_id = s.edit_id AND newer.seq > s.seq)
      ) AS s
      OFFSET 0
    ) AS present ON true
  LOOP
    is_hidden := coalesce(edit.is_hidden, false);
    IF is_hidden THEN
      -- without an id nothing of the record is found below
      edit.entity_id := NULL;
      edit.version := NULL;
      edit.event_count := NULL;
      edit.first_at := NULL;
    END IF;

    record_events_90d := CASE WHEN edit.first_at > since_90d THEN least(100, edit.event_count)
      ELSE edit.events_90d END;
    IF edit.event_count > 50 THEN
      -- The user is compared in the FILTER: in the WHERE, a generic plan takes the user's own index and walks the
      -- user's whole week, where the record's has a handful of rows.
      SELECT max(l.received_at) FILTER (WHERE l.user_id = edit.user_id),
        array_agg(l.user_id) FILTER (
          WHERE l.user_id <> edit.user_id AND l.received_at > minutes_ago AND l.received_at < now_at)
      INTO edit.last_own_at, edit.lately
      FROM sync.sync_log AS l
      WHERE l.tenant_id = tenant AND l.entity_type = edit.entity_type AND l.entity_id = edit.entity_id
        AND l.outcome <> 'unchanged' AND l.received_at > week_ago AND l.received_at <= now_at;

      -- others' last 20 events, each try from where the last one ended; the first reaches back as far as holds about
      -- three times as many, going by the record's own pace
      to_at := now_at;
      span := greatest(interval '1 hour', (now_at - edit.first_at) * (60.0 / edit.event_count));
      FOREACH span IN ARRAY ARRAY[span, 8 * span, 'infinity'] LOOP
        from_at := now_at - span;
        WITH events AS (
          SELECT l.fields FROM sync.sync_log AS l
          WHERE l.tenant_id = tenant AND l.entity_type = edit.entity_type AND l.entity_id = edit.entity_id
            AND l.user_id <> edit.user_id AND l.outcome <> 'unchanged'
            AND l.received_at > from_at AND l.received_at <= to_at AND l.received_at >= edit.first_at
          ORDER BY l.received_at DESC, l.seq DESC LIMIT 20 - edit.others)
        SELECT (SELECT count(*) FROM events) AS events, ARRAY(SELECT unnest(events.fields) FROM events) AS touched
        INTO stretch;
        edit.others := edit.others + stretch.events;
        edit.others_touched := edit.others_touched || stretch.touched;
        EXIT WHEN edit.others >= 20 OR from_at < edit.first_at;
        to_at := from_at;
      END LOOP;
      SELECT overlap.score INTO edit.score
      FROM sync.field_overlap(
        edit.others, edit.others_touched, edit.fields, edit.entity_type, guessed_types, guessed_fields, guessed_shares
      ) AS overlap;

      -- Up to a hundred, whichever: in order they would cost as much as all of them, because a record's months cannot
      -- be put in order without the default partition.
      IF edit.conflict_count > 0 THEN
        SELECT count(*) INTO edit.conflicts_180d FROM (
          SELECT FROM sync.sync_log AS l
          WHERE l.tenant_id = tenant AND l.entity_type = edit.entity_type AND l.entity_id = edit.entity_id
            AND l.is_conflicted AND l.outcome <> 'unchanged' AND l.edited_at < l.received_at
            AND l.received_at > since_180d
          LIMIT 100) AS conflicted;
      END IF;
      IF edit.first_at <= since_90d THEN
        SELECT count(*) INTO record_events_90d FROM (
          SELECT FROM sync.sync_log AS l
          WHERE l.tenant_id = tenant AND l.entity_type = edit.entity_type AND l.entity_id = edit.entity_id
            AND l.outcome <> 'unchanged' AND l.received_at > since_90d
          LIMIT 100) AS recent;
      END IF;
    END IF;

    concurrent_editors := 0;
    IF edit.lately IS NOT NULL OR edit.editing IS NOT NULL THEN
      SELECT count(DISTINCT who) INTO concurrent_editors FROM unnest(edit.lately || edit.editing) AS who;
    END IF;

    open_overlap_recent := 0;
    open_fields_shared := 0;
    open_same_base := 0;
    IF edit.open_edits > 0 AND (edit.base_version IS NOT NULL OR edit.fields <> '{}') THEN
      WITH others AS MATERIALIZED (
        SELECT s.edit_id, s.base_version, s.fields FROM sync.edit_session_event AS s
        WHERE s.tenant_id = tenant AND s.entity_type = edit.entity_type AND s.entity_id = edit.entity_id
          AND (s.user_id <> edit.user_id OR s.device_id <> edit.device_id)
          AND (edit.edit_id IS NULL OR s.edit_id <> edit.edit_id)
          AND s.event <> 'closed' AND s.expires_at > now_at
          AND NOT EXISTS (SELECT FROM sync.edit_session_event AS newer
                          WHERE newer.tenant_id = tenant AND newer.edit_id = s.edit_id AND newer.seq > s.seq))
      SELECT count(*) FILTER (WHERE o.base_version = edit.base_version),
        (SELECT count(*) FROM unnest(edit.fields) AS f
         WHERE EXISTS (SELECT FROM others WHERE f = ANY (others.fields))),
        coalesce(sum(exp(greatest(-700, least(0, extract(epoch FROM (
          SELECT first.received_at FROM sync.edit_session_event AS first
          WHERE first.tenant_id = tenant AND first.edit_id = o.edit_id ORDER BY first.seq LIMIT 1
        ) - now_at)::float8 / 3600.0 / 72)))) FILTER (WHERE o.fields && edit.fields), 0)
      INTO open_same_base, open_fields_shared, open_overlap_recent
      FROM others AS o;
    END IF;

    -- Who has the newest version reads no log for it. A record's versions are numbered without gaps, so that those
    -- behind are known beforehand, and the search ends with the last of them.
    behind := greatest(0, edit.version - edit.base_version);
    fields_behind := 0;
    hours_behind := 0;
    IF behind > 0 THEN
      missed := 0;
      missed_fields := '{}';
      missed_since := NULL;
      is_deleted_since := false;
      -- a server whose clock is ahead of the database's may just have stamped one
      to_at := now_at + interval '1 hour';
      span := greatest(interval '2 hours', (now_at - edit.first_at) * (3.0 * behind / greatest(edit.event_count, 1)));
      FOREACH span IN ARRAY ARRAY[span, 8 * span, 'infinity'] LOOP
        from_at := now_at - span;
        WITH events AS (
          SELECT l.fields, l.new_version, l.received_at, l.operation = 'delete' AS is_deletion FROM sync.sync_log AS l
          WHERE l.tenant_id = tenant AND l.entity_type = edit.entity_type AND l.entity_id = edit.entity_id
            AND l.new_version > edit.base_version AND l.received_at > from_at AND l.received_at <= to_at)
        SELECT (SELECT count(*) FROM events) AS events, ARRAY(SELECT unnest(events.fields) FROM events) AS touched,
          (SELECT received_at FROM events WHERE new_version = edit.base_version + 1) AS since,
          EXISTS (SELECT FROM events WHERE is_deletion) AS is_deleted
        INTO stretch;
        missed := missed + stretch.events;
        missed_fields := missed_fields || stretch.touched;
        missed_since := coalesce(missed_since, stretch.since);
        is_deleted_since := is_deleted_since OR stretch.is_deleted;
        EXIT WHEN missed >= behind;
        to_at := from_at;
      END LOOP;
      fields_behind := CASE WHEN is_deleted_since THEN cardinality(edit.fields)
        ELSE (SELECT count(*) FROM unnest(edit.fields) AS f WHERE f = ANY (missed_fields)) END;
      hours_behind := coalesce(greatest(0.0, extract(epoch FROM now_at - missed_since)::float8 / 3600.0), 0.0);
    END IF;

    IF edit.age_seconds IS NULL AND edit.edit_id IS NOT NULL THEN
      SELECT extract(epoch FROM now_at - s.received_at)::float8 INTO edit.age_seconds
      FROM sync.edit_session_event AS s
      WHERE s.tenant_id = tenant AND s.edit_id = edit.edit_id AND s.user_id = edit.user_id
        AND s.entity_type = edit.entity_type AND s.entity_id = edit.entity_id
      ORDER BY s.seq LIMIT 1;
    END IF;

    item := edit.number;
    as_of_seq := coalesce(the_tenant.seq, 0);
    asked_at := now_at;
    record_version := edit.version;
    hours_since_last_sync := coalesce(extract(epoch FROM now_at - edit.last_own_at)::float8 / 3600.0, 168.0);
    user_conflict_rate := coalesce(edit.user_rate, 0.0);
    entity_edit_frequency := CASE WHEN edit.event_count > 0 THEN edit.event_count
      / greatest(1.0::float8, extract(epoch FROM now_at - edit.first_at)::float8 / 86400.0) ELSE 0.0 END;
    field_overlap_score := edit.score;
    is_announced := (edit.base_version IS NOT NULL OR edit.fields <> '{}')::integer;
    versions_behind := behind;
    fields_behind_share := fields_behind / greatest(cardinality(edit.fields), 1);
    open_edits := edit.open_edits;
    open_edits_same_user := edit.open_edits_same_user;
    record_conflicts_180d := edit.conflicts_180d;
    type_conflict_rate := type_rates[array_position(types, edit.entity_type)];
    tenant_conflict_share := tenant_share;
    user_push_conflict_rate := (coalesce(edit.user_conflicted, 0) + 5 * tenant_push_rate)
      / (coalesce(edit.user_pushes, 0) + 5);
    user_open_log_seconds := CASE WHEN edit.user_pushes > 0
      THEN (edit.user_open_log / 4294967296.0::float8 + 5 * tenant_log) / (edit.user_pushes + 5) ELSE tenant_log END;
    edit_age_hours := greatest(0.0, coalesce(edit.age_seconds, 0.0)) / 3600.0;
    records_open := 1;
    RETURN NEXT;
  END LOOP;
END $$
"""
BEFORE = import_module("sync_api.db.migrations.versions.0025_one_look_at_the_log").ONLINE_FEATURES
SIGNATURE = import_module("sync_api.db.migrations.versions.0022_features_of_histories").SIGNATURE


def upgrade() -> None:
    op.execute(FIELD_OVERLAP)
    op.execute(f"REVOKE EXECUTE ON FUNCTION {OVERLAP_SIGNATURE} FROM PUBLIC")
    _instead(ONLINE_FEATURES)


def downgrade() -> None:
    _instead(BEFORE)
    op.execute(f"DROP FUNCTION {OVERLAP_SIGNATURE}")


def _instead(function: str) -> None:
    """What a function answers cannot be changed while it is there."""
    op.execute(f"DROP FUNCTION {SIGNATURE}")
    op.execute(function)
    op.execute(f"REVOKE EXECUTE ON FUNCTION {SIGNATURE} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO foresync_serving")
