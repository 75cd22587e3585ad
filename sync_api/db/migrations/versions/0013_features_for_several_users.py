"""The online features of several users' edits in one statement: requests that meet are answered together."""

from importlib import import_module

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Generic plans: planning over every month's partition costs far more than running over the few that are left after
# pruning. `spans`: how far back to look, each try from where the last one ended; a try costs by the months it covers.
# The first reaches back as far as holds about three times the events wanted, going by the record's own pace.
ONLINE_FEATURES = """
CREATE FUNCTION sync.online_features(
  tenant text, asking_users text[], entity_types text[], entity_ids text[], announced jsonb)
RETURNS TABLE (
  item integer, as_of_seq bigint, asked_at timestamptz, record_version integer,
  concurrent_editors double precision, hours_since_last_sync double precision, user_conflict_rate double precision,
  entity_edit_frequency double precision, field_overlap_score double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
  clock_seq bigint;
  now_at timestamptz := clock_timestamp();
  asking_user text;
  user_rate double precision;
  of_type text;
  of_id text;
  version_now integer;
  event_count bigint;
  first_at timestamptz;
  editors double precision;
  last_own_at timestamptz;
  fields jsonb;
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
  FOR item, asking_user, of_type, of_id, user_rate IN
    SELECT asked.number, asked.user_id, asked.entity_type, asked.entity_id,
      (SELECT CASE WHEN a.event_count > 0 THEN 100.0 * a.conflict_count / a.event_count END
       FROM sync.user_activity AS a WHERE a.tenant_id = tenant AND a.user_id = asked.user_id)
    FROM unnest(asking_users, entity_types, entity_ids) WITH ORDINALITY
      AS asked (user_id, entity_type, entity_id, number)
    ORDER BY asked.entity_type
  LOOP
    SELECT r.version, r.event_count, r.first_event_at INTO version_now, event_count, first_at
    FROM sync.record AS r WHERE r.tenant_id = tenant AND r.entity_type = of_type AND r.entity_id = of_id;

    SELECT count(DISTINCT other.user_id) INTO editors FROM (
      SELECT l.user_id FROM sync.sync_log AS l
      WHERE l.tenant_id = tenant AND l.entity_type = of_type AND l.entity_id = of_id
        AND l.user_id <> asking_user AND l.outcome <> 'unchanged'
        AND l.received_at > now_at - interval '5 minutes' AND l.received_at < now_at
      UNION ALL
      SELECT s.user_id FROM sync.edit_session_event AS s
      WHERE s.tenant_id = tenant AND s.entity_type = of_type AND s.entity_id = of_id
        AND s.user_id <> asking_user AND s.event <> 'closed' AND s.expires_at > now_at
        AND NOT EXISTS (SELECT FROM sync.edit_session_event AS newer
                        WHERE newer.tenant_id = tenant AND newer.edit_id = s.edit_id AND newer.seq > s.seq)
    ) AS other;

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

    fields := announced -> (item - 1);
    IF others > 0 AND jsonb_typeof(fields) = 'array' AND jsonb_array_length(fields) > 0 THEN
      -- 1 - the product over the fields; a factor of 0 has no logarithm, and exp() refuses to underflow
      SELECT 1 - exp(greatest(-700, coalesce(sum(ln(greatest(1e-300, 1 - touched.events::float8 / others))), 0)))
      INTO overlap
      FROM (SELECT f, count(*) AS events FROM unnest(others_touched) AS f WHERE fields ? f GROUP BY f) AS touched;
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
    RETURN NEXT;
  END LOOP;
END $$
"""
SIGNATURE = "sync.online_features(text, text[], text[], text[], jsonb)"


def upgrade() -> None:
    op.execute(f"DROP FUNCTION {import_module('sync_api.db.migrations.versions.0004_online_features').SIGNATURE}")
    _create(ONLINE_FEATURES, SIGNATURE)


def downgrade() -> None:
    before = import_module("sync_api.db.migrations.versions.0004_online_features")
    op.execute(f"DROP FUNCTION {SIGNATURE}")
    _create(before.ONLINE_FEATURES, before.SIGNATURE)


def _create(function: str, signature: str) -> None:
    op.execute(function)
    op.execute(f"REVOKE EXECUTE ON FUNCTION {signature} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO foresync_serving")
