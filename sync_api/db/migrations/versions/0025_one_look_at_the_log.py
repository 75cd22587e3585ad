"""The online features look once at the log of a record that has few events, for all that they want of it. Of a busy one
they read the week, and whatever else they want by itself, as far back as it has to be.

A look costs by the months that it opens: four or five of them were most of a question.
"""

from importlib import import_module

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

BEFORE = import_module("sync_api.db.migrations.versions.0024_any_hundred_events").ONLINE_FEATURES

COMMENT = """
    -- The user is compared in the FILTER: in the WHERE, a generic plan takes the user's own index and walks the
    -- user's whole week, where the record's has a handful of rows.
"""
LAST_OWN = f"""{COMMENT}\
    SELECT max(l.received_at) FILTER (WHERE l.user_id = asking_user AND l.outcome <> 'unchanged') INTO last_own_at
    FROM sync.sync_log AS l
    WHERE l.tenant_id = tenant AND l.entity_type = of_type AND l.entity_id = of_id
      AND l.received_at > now_at - interval '168 hours' AND l.received_at <= now_at;
"""
EDITORS = "\n    -- no device named: the own user's edits are taken for the own\n"
# Whole: its whole life, and all that is counted of it.
LOOK = f"""
    is_whole := event_count <= 50;
    last_own_at := NULL;
    lately := NULL;
    IF is_whole THEN
      WITH seen AS MATERIALIZED (
        SELECT l.user_id, l.received_at, l.seq, l.fields, l.is_conflicted AND l.edited_at < l.received_at AS is_hit
        FROM sync.sync_log AS l
        WHERE l.tenant_id = tenant AND l.entity_type = of_type AND l.entity_id = of_id AND l.outcome <> 'unchanged'
          AND l.received_at > CASE WHEN conflict_count > 0
            THEN least(first_at - interval '1 hour', now_at - interval '4320 hours')
            ELSE first_at - interval '1 hour' END),
      events AS (
        SELECT seen.fields FROM seen
        WHERE seen.user_id <> asking_user AND seen.received_at >= first_at AND seen.received_at <= now_at
        ORDER BY seen.received_at DESC, seen.seq DESC LIMIT 20)
      SELECT max(seen.received_at) FILTER (
          WHERE seen.user_id = asking_user AND seen.received_at > now_at - interval '168 hours'
            AND seen.received_at <= now_at),
        array_agg(seen.user_id) FILTER (
          WHERE seen.user_id <> asking_user AND seen.received_at > now_at - interval '5 minutes'
            AND seen.received_at < now_at),
        count(*) FILTER (WHERE seen.is_hit AND seen.received_at > now_at - interval '4320 hours'),
        count(*) FILTER (WHERE seen.received_at > now_at - interval '2160 hours'),
        (SELECT count(*) FROM events), ARRAY(SELECT unnest(events.fields) FROM events)
      INTO last_own_at, lately, record_conflicts_180d, record_events_90d, others, others_touched
      FROM seen;
      IF first_at > now_at - interval '2160 hours' THEN
        record_events_90d := event_count;
      END IF;
    ELSIF event_count > 50 THEN{COMMENT.replace(chr(10) + "    ", chr(10) + "      ")}\
      SELECT max(l.received_at) FILTER (WHERE l.user_id = asking_user),
        array_agg(l.user_id) FILTER (
          WHERE l.user_id <> asking_user AND l.received_at > now_at - interval '5 minutes' AND l.received_at < now_at)
      INTO last_own_at, lately
      FROM sync.sync_log AS l
      WHERE l.tenant_id = tenant AND l.entity_type = of_type AND l.entity_id = of_id AND l.outcome <> 'unchanged'
        AND l.received_at > now_at - interval '168 hours' AND l.received_at <= now_at;
    END IF;
"""
RECENT = """
      SELECT l.user_id, false AS is_open_edit FROM sync.sync_log AS l
      WHERE l.tenant_id = tenant AND l.entity_type = of_type AND l.entity_id = of_id
        AND l.user_id <> asking_user AND l.outcome <> 'unchanged'
        AND l.received_at > now_at - interval '5 minutes' AND l.received_at < now_at
      UNION ALL
"""
LATELY = """
      SELECT u AS user_id, false AS is_open_edit FROM unnest(lately) AS u
      UNION ALL
"""
OTHERS = """
    overlap := 0;
    others := 0;
    others_touched := '{}';
    to_at := now_at;
    IF event_count > 0 THEN
"""
OTHERS_OF_BUSY = """
    overlap := 0;
    to_at := now_at;
    IF NOT coalesce(is_whole, false) THEN
      others := 0;
      others_touched := '{}';
    END IF;
    IF event_count > 50 THEN
"""
COUNTS, COUNTS_END = "\n    -- most records have none, and most are younger\n", "\n    IF own_age IS NULL"
ONE_BY_ONE = BEFORE[BEFORE.index(COUNTS) : BEFORE.index(COUNTS_END)]
COUNTS_OF_BUSY = (
    "\n    IF NOT coalesce(is_whole, false) THEN"
    + ONE_BY_ONE.replace(COUNTS, "\n    -- most have none\n").replace("\n    ", "\n      ")
    + "\n    END IF;\n"
)

ONLINE_FEATURES = BEFORE
for old, new in (
    (LAST_OWN, ""),
    (EDITORS, LOOK + EDITORS),
    (RECENT, LATELY),
    (OTHERS, OTHERS_OF_BUSY),
    (ONE_BY_ONE, COUNTS_OF_BUSY),
    ("\nDECLARE\n", "\nDECLARE\n  is_whole boolean;\n  lately text[];\n"),
):
    assert ONLINE_FEATURES.count(old) == 1, old
    ONLINE_FEATURES = ONLINE_FEATURES.replace(old, new)


def upgrade() -> None:
    op.execute(_again(ONLINE_FEATURES))


def downgrade() -> None:
    op.execute(_again(BEFORE))


def _again(function: str) -> str:
    return function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
