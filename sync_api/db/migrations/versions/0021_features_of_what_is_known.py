"""The online features with what the asker is behind on, and with others' open edits by device, field, age and base."""

from importlib import import_module

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

# Generic plans: planning over every month's partition costs far more than running over the few that are left after
# pruning. `spans`: how far back to look, each try from where the last one ended; a try costs by the months it covers.
# The first reaches back as far as holds about three times the events wanted, going by the record's own pace.
# What most askers need not be told costs them nothing: who has the newest version reads no log for it, and open edits
# are looked at closely where there are any. A record's versions are numbered without gaps, so that those behind are
# known beforehand, and the search ends with the last of them.
ONLINE_FEATURES = """
CREATE FUNCTION sync.online_features(
  tenant text, asking_users text[], devices text[], entity_types text[], entity_ids text[], edits uuid[],
  base_versions integer[], announced jsonb)
RETURNS TABLE (
  item integer, as_of_seq bigint, asked_at timestamptz, record_version integer,
  concurrent_editors double precision, hours_since_last_sync double precision, user_conflict_rate double precision,
  entity_edit_frequency double precision, field_overlap_score double precision, is_announced double precision,
  versions_behind double precision, fields_behind double precision, fields_behind_share double precision,
  hours_behind double precision, open_edits double precision, open_edits_same_user double precision,
  open_overlap_recent double precision, open_fields_shared double precision, open_same_base double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
  clock_seq bigint;
  now_at timestamptz := clock_timestamp();
  asking_user text;
  own_device text;
  own_edit uuid;
  own_base integer;
  user_rate double precision;
  of_type text;
  of_id text;
  version_now integer;
  event_count bigint;
  first_at timestamptz;
  editors double precision;
  last_own_at timestamptz;
  own_fields text[];
  behind bigint;
  missed bigint;
  missed_fields text[];
  behind_since timestamptz;
  is_deleted_since boolean;
  more_since timestamptz;
  more_deleted boolean;
  span interval;
  from_at timestamptz;
  to_at timestamptz;
  more bigint;
  more_touched text[];
  others bigint;
  others_touched text[];
  shares_of text;
  type_events bigint;
  type_touched text[];
  overlap double precision;
BEGIN
  PERFORM set_config('foresync.tenant', tenant, true);
  SELECT c.seq INTO clock_seq FROM sync.tenant_clock AS c WHERE c.tenant_id = tenant;

  -- by type, so that a type's shares are worked out once
  FOR item, asking_user, own_device, of_type, of_id, own_edit, own_base, user_rate IN
    SELECT asked.number, asked.user_id, asked.device_id, asked.entity_type, asked.entity_id, asked.edit_id,
      asked.base_version,
      (SELECT CASE WHEN a.event_count > 0 THEN 100.0 * a.conflict_count / a.event_count END
       FROM sync.user_activity AS a WHERE a.tenant_id = tenant AND a.user_id = asked.user_id)
    FROM unnest(asking_users, devices, entity_types, entity_ids, edits, base_versions) WITH ORDINALITY
      AS asked (user_id, device_id, entity_type, entity_id, edit_id, base_version, number)
    ORDER BY asked.entity_type
  LOOP
    SELECT r.version, r.event_count, r.first_event_at INTO version_now, event_count, first_at
    FROM sync.record AS r WHERE r.tenant_id = tenant AND r.entity_type = of_type AND r.entity_id = of_id;

    own_fields := CASE WHEN jsonb_array_length(announced -> (item - 1)) > 0
      THEN ARRAY(SELECT DISTINCT jsonb_array_elements_text(announced -> (item - 1))) ELSE '{}' END;

    -- no device named: the own user's edits are taken for the own
    SELECT count(DISTINCT other.user_id) FILTER (WHERE other.user_id <> asking_user),
      count(*) FILTER (WHERE other.is_open_edit),
      count(*) FILTER (WHERE other.is_open_edit AND other.user_id = asking_user)
    INTO editors, open_edits, open_edits_same_user
    FROM (
      SELECT l.user_id, false AS is_open_edit FROM sync.sync_log AS l
      WHERE l.tenant_id = tenant AND l.entity_type = of_type AND l.entity_id = of_id
        AND l.user_id <> asking_user AND l.outcome <> 'unchanged'
        AND l.received_at > now_at - interval '5 minutes' AND l.received_at < now_at
      UNION ALL
      SELECT s.user_id, coalesce((s.user_id <> asking_user OR s.device_id <> own_device)
        AND (own_edit IS NULL OR s.edit_id <> own_edit), false)
      FROM sync.edit_session_event AS s
      WHERE s.tenant_id = tenant AND s.entity_type = of_type AND s.entity_id = of_id
        AND s.event <> 'closed' AND s.expires_at > now_at
        AND NOT EXISTS (SELECT FROM sync.edit_session_event AS newer
                        WHERE newer.tenant_id = tenant AND newer.edit_id = s.edit_id AND newer.seq > s.seq)
    ) AS other;

    open_overlap_recent := 0;
    open_fields_shared := 0;
    open_same_base := 0;
    IF open_edits > 0 AND (own_base IS NOT NULL OR own_fields <> '{}') THEN
      WITH others AS MATERIALIZED (
        SELECT s.edit_id, s.base_version, s.fields FROM sync.edit_session_event AS s
        WHERE s.tenant_id = tenant AND s.entity_type = of_type AND s.entity_id = of_id
          AND (s.user_id <> asking_user OR s.device_id <> own_device) AND (own_edit IS NULL OR s.edit_id <> own_edit)
          AND s.event <> 'closed' AND s.expires_at > now_at
          AND NOT EXISTS (SELECT FROM sync.edit_session_event AS newer
                          WHERE newer.tenant_id = tenant AND newer.edit_id = s.edit_id AND newer.seq > s.seq))
      SELECT count(*) FILTER (WHERE o.base_version = own_base),
        (SELECT count(*) FROM unnest(own_fields) AS f WHERE EXISTS (SELECT FROM others WHERE f = ANY (others.fields))),
        coalesce(sum(exp(greatest(-700, least(0, extract(epoch FROM (
          SELECT first.received_at FROM sync.edit_session_event AS first
          WHERE first.tenant_id = tenant AND first.edit_id = o.edit_id ORDER BY first.seq LIMIT 1
        ) - now_at)::float8 / 3600.0 / 72)))) FILTER (WHERE o.fields && own_fields), 0)
      INTO open_same_base, open_fields_shared, open_overlap_recent
      FROM others AS o;
    END IF;

    behind := greatest(0, version_now - own_base);
    missed := 0;
    missed_fields := '{}';
    behind_since := NULL;
    is_deleted_since := false;
    IF behind > 0 THEN
      -- a server whose clock is ahead of the database's may just have stamped one
      to_at := now_at + interval '1 hour';
      span := greatest(interval '2 hours', (now_at - first_at) * (3.0 * behind / greatest(event_count, 1)));
      FOREACH span IN ARRAY ARRAY[span, 8 * span, 'infinity'] LOOP
        from_at := now_at - span;
        WITH events AS (
          SELECT l.fields, l.new_version, l.received_at, l.operation = 'delete' AS is_deletion FROM sync.sync_log AS l
          WHERE l.tenant_id = tenant AND l.entity_type = of_type AND l.entity_id = of_id
            AND l.new_version > own_base AND l.received_at > from_at AND l.received_at <= to_at)
        SELECT (SELECT count(*) FROM events), ARRAY(SELECT unnest(events.fields) FROM events),
          (SELECT received_at FROM events WHERE new_version = own_base + 1),
          EXISTS (SELECT FROM events WHERE is_deletion)
        INTO more, more_touched, more_since, more_deleted;
        missed := missed + more;
        missed_fields := missed_fields || more_touched;
        behind_since := coalesce(behind_since, more_since);
        is_deleted_since := is_deleted_since OR more_deleted;
        EXIT WHEN missed >= behind;
        to_at := from_at;
      END LOOP;
    END IF;

    -- The user is compared in the FILTER: in the WHERE, a generic plan takes the user's own index and walks the
    -- user's whole week, where the record's has a handful of rows.
    SELECT max(l.received_at) FILTER (WHERE l.user_id = asking_user AND l.outcome <> 'unchanged') INTO last_own_at
    FROM sync.sync_log AS l
    WHERE l.tenant_id = tenant AND l.entity_type = of_type AND l.entity_id = of_id
      AND l.received_at > now_at - interval '168 hours' AND l.received_at <= now_at;

    overlap := 0;
    others := 0;
    others_touched := '{}';
    to_at := now_at;
    IF event_count > 0 THEN
      span := greatest(interval '1 hour', (now_at - first_at) * (60.0 / event_count));
      FOREACH span IN ARRAY ARRAY[span, 8 * span, 'infinity'] LOOP
        from_at := now_at - span;
        WITH events AS (
          SELECT l.fields FROM sync.sync_log AS l
          WHERE l.tenant_id = tenant AND l.entity_type = of_type AND l.entity_id = of_id
            AND l.user_id <> asking_user AND l.outcome <> 'unchanged'
            AND l.received_at > from_at AND l.received_at <= to_at
            AND l.received_at >= first_at
          ORDER BY l.received_at DESC, l.seq DESC LIMIT 20 - others)
        SELECT (SELECT count(*) FROM events), ARRAY(SELECT unnest(events.fields) FROM events)
        INTO more, more_touched;
        others := others + more;
        others_touched := others_touched || more_touched;
        EXIT WHEN others >= 20 OR from_at < first_at;
        to_at := from_at;
      END LOOP;
    END IF;

    IF others > 0 AND own_fields <> '{}' THEN
      -- 1 - the product over the fields; a factor of 0 has no logarithm, and exp() refuses to underflow
      SELECT 1 - exp(greatest(-700, coalesce(sum(ln(greatest(1e-300, 1 - touched.events::float8 / others))), 0)))
      INTO overlap
      FROM (SELECT f, count(*) AS events FROM unnest(others_touched) AS f WHERE f = ANY (own_fields) GROUP BY f)
        AS touched;
    ELSIF others > 0 THEN
      IF shares_of IS DISTINCT FROM of_type THEN
        shares_of := of_type;
        type_events := 0;
        type_touched := '{}';
        to_at := now_at;
        FOREACH span IN ARRAY ARRAY[interval '31 days', '124 days', 'infinity'] LOOP
          from_at := now_at - span;
          WITH events AS (
            SELECT l.fields FROM sync.sync_log AS l
            WHERE l.tenant_id = tenant AND l.entity_type = of_type AND l.outcome <> 'unchanged'
              AND l.received_at > from_at AND l.received_at <= to_at
            ORDER BY l.received_at DESC, l.seq DESC LIMIT 200 - type_events)
          SELECT (SELECT count(*) FROM events), ARRAY(SELECT unnest(events.fields) FROM events)
          INTO more, more_touched;
          type_events := type_events + more;
          type_touched := type_touched || more_touched;
          EXIT WHEN type_events >= 200;
          to_at := from_at;
        END LOOP;
      END IF;
      SELECT 1 - exp(greatest(-700, coalesce(sum(ln(greatest(
        1e-300, 1 - (touched.events::float8 / others) * (likely.events::float8 / type_events)))), 0))) INTO overlap
      FROM (SELECT f, count(*) AS events FROM unnest(others_touched) AS f GROUP BY f) AS touched
      JOIN (SELECT f, count(*) AS events FROM unnest(type_touched) AS f GROUP BY f) AS likely USING (f);
    END IF;

    as_of_seq := coalesce(clock_seq, 0);
    asked_at := now_at;
    record_version := version_now;
    concurrent_editors := editors;
    hours_since_last_sync := coalesce(extract(epoch FROM now_at - last_own_at)::float8 / 3600.0, 168.0);
    user_conflict_rate := coalesce(user_rate, 0.0);
    entity_edit_frequency := CASE WHEN event_count > 0 THEN
      event_count / greatest(1.0::float8, extract(epoch FROM now_at - first_at)::float8 / 86400.0) ELSE 0.0 END;
    field_overlap_score := coalesce(overlap, 0.0);
    is_announced := (own_base IS NOT NULL OR own_fields <> '{}')::integer;
    versions_behind := coalesce(behind, 0);
    fields_behind := CASE WHEN is_deleted_since THEN cardinality(own_fields)
      ELSE (SELECT count(*) FROM unnest(own_fields) AS f WHERE f = ANY (missed_fields)) END;
    fields_behind_share := fields_behind / greatest(cardinality(own_fields), 1);
    hours_behind := coalesce(greatest(0.0, extract(epoch FROM now_at - behind_since)::float8 / 3600.0), 0.0);
    RETURN NEXT;
  END LOOP;
END $$
"""
SIGNATURE = "sync.online_features(text, text[], text[], text[], text[], uuid[], integer[], jsonb)"


BEFORE = import_module("sync_api.db.migrations.versions.0013_features_for_several_users")
MEMBERS = import_module("sync_api.db.migrations.versions.0020_features_for_members")


def upgrade() -> None:
    op.execute(f"DROP FUNCTION {BEFORE.SIGNATURE}")
    _create(MEMBERS.for_members(ONLINE_FEATURES), SIGNATURE)


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {SIGNATURE}")
    _create(MEMBERS.for_members(BEFORE.ONLINE_FEATURES), BEFORE.SIGNATURE)


def _create(function: str, signature: str) -> None:
    op.execute(function)
    op.execute(f"REVOKE EXECUTE ON FUNCTION {signature} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO foresync_serving")
