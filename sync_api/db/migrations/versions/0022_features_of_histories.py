"""The online features with the histories of record, type, tenant and user, and how long the edit has been open.

What they are of is counted by the push, in its own transaction: of timed events (edited before they were received) and
of timed pushes (with such an event). A push's place among the last 200 is a matter of two sums: those of now, less
those from before the oldest of the 200, which `recent_push` keeps in as many rows, taken in turn.
"""

from importlib import import_module

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

BEFORE = import_module("sync_api.db.migrations.versions.0021_features_of_what_is_known")
MEMBERS = import_module("sync_api.db.migrations.versions.0020_features_for_members")
PUSH = import_module("sync_api.db.migrations.versions.0018_push_in_two_trips")

COLUMNS = {
    "tenant_clock": (
        "timed_event_count", "timed_conflict_count", "timed_push_count", "conflicted_push_count", "open_log_sum",
    ),
    "user_activity": ("timed_push_count", "conflicted_push_count", "open_log_sum"),
}  # fmt: skip
NEW_TABLES = ("type_activity", "recent_push")
POLICY = """
CREATE POLICY tenant_isolation ON sync.{}
USING (tenant_id = sync.current_tenant()) WITH CHECK (tenant_id = current_setting('foresync.tenant', true))
"""

# Of the log as it is, for tenants whose pushes did not count yet.
TIMED = """
WITH timed AS (
  SELECT * FROM sync.sync_log WHERE outcome <> 'unchanged' AND edited_at < received_at
), push AS (
  SELECT tenant_id, user_id, max(seq) AS seq, bool_or(is_conflicted)::integer AS is_conflicted,
    round(ln(greatest(60, extract(epoch FROM max(received_at) - min(edited_at))::float8)) * 4294967296)::bigint
      AS open_log
  FROM timed GROUP BY tenant_id, user_id, sync_id
)
"""
BACKFILL = (
    TIMED
    + """
UPDATE sync.tenant_clock AS c SET timed_event_count = e.n, timed_conflict_count = e.conflicts,
  timed_push_count = p.n, conflicted_push_count = p.conflicts, open_log_sum = p.open_log
FROM (SELECT tenant_id, count(*) AS n, count(*) FILTER (WHERE is_conflicted) AS conflicts FROM timed GROUP BY 1) AS e
JOIN (SELECT tenant_id, count(*) AS n, sum(is_conflicted) AS conflicts, sum(open_log) AS open_log
      FROM push GROUP BY 1) AS p USING (tenant_id)
WHERE c.tenant_id = e.tenant_id
""",
    TIMED
    + """
UPDATE sync.user_activity AS u SET timed_push_count = p.n, conflicted_push_count = p.conflicts,
  open_log_sum = p.open_log
FROM (SELECT tenant_id, user_id, count(*) AS n, sum(is_conflicted) AS conflicts, sum(open_log) AS open_log
      FROM push GROUP BY 1, 2) AS p
WHERE u.tenant_id = p.tenant_id AND u.user_id = p.user_id
""",
    TIMED
    + """
INSERT INTO sync.type_activity (tenant_id, entity_type, timed_event_count, timed_conflict_count)
SELECT tenant_id, entity_type, count(*), count(*) FILTER (WHERE is_conflicted) FROM timed GROUP BY 1, 2
""",
    TIMED
    + """
INSERT INTO sync.recent_push (tenant_id, slot, conflicted_before, open_log_before)
SELECT tenant_id, mod(number, 200), conflicted_before, open_log_before FROM (
  SELECT tenant_id, row_number() OVER so_far AS number, count(*) OVER (PARTITION BY tenant_id) AS n,
    sum(is_conflicted) OVER so_far - is_conflicted AS conflicted_before,
    sum(open_log) OVER so_far - open_log AS open_log_before
  FROM push WINDOW so_far AS (PARTITION BY tenant_id ORDER BY seq ROWS UNBOUNDED PRECEDING)
) AS numbered
WHERE number > n - 200
""",
)

# The push's write as it was, with what it adds to the counters.
ARGUMENTS = "pushed_at timestamptz[], closing_ord bigint[]"
MORE_ARGUMENTS = """pushed_at timestamptz[], closing_ord bigint[],
  timed bigint[], types text[], type_events bigint[], type_conflicts bigint[], user_pushes bigint[],
  user_conflicted bigint[], user_open_logs bigint[], push_ord bigint[], conflicted_before bigint[],
  open_log_before bigint[]"""
CLOCK = """
    UPDATE sync.tenant_clock SET seq = seq + $2
    WHERE tenant_id = $1 AND (SELECT count(*) FROM held) = cardinality($3) RETURNING seq - $2 AS start
"""
COUNTING_CLOCK = """
    UPDATE sync.tenant_clock SET seq = seq + $2, timed_event_count = timed_event_count + $23[1],
      timed_conflict_count = timed_conflict_count + $23[2], timed_push_count = timed_push_count + $23[3],
      conflicted_push_count = conflicted_push_count + $23[4], open_log_sum = open_log_sum + $23[5]
    WHERE tenant_id = $1 AND (SELECT count(*) FROM held) = cardinality($3)
    RETURNING seq - $2 AS start, timed_push_count - $23[3] AS pushes, conflicted_push_count - $23[4] AS conflicted,
      open_log_sum - $23[5] AS open_log
"""
ACTIVE = """
    INSERT INTO sync.user_activity AS u (tenant_id, user_id, event_count, conflict_count)
    SELECT $1, a.* FROM clock, unnest($9, $10, $11) AS a (user_id, events, conflicts)
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET event_count = u.event_count + excluded.event_count,
      conflict_count = u.conflict_count + excluded.conflict_count
  ),"""
MORE_ACTIVE = """
    INSERT INTO sync.user_activity AS u (tenant_id, user_id, event_count, conflict_count, timed_push_count,
      conflicted_push_count, open_log_sum)
    SELECT $1, a.* FROM clock, unnest($9, $10, $11, $27, $28, $29)
      AS a (user_id, events, conflicts, pushes, conflicted, open_log)
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET event_count = u.event_count + excluded.event_count,
      conflict_count = u.conflict_count + excluded.conflict_count,
      timed_push_count = u.timed_push_count + excluded.timed_push_count,
      conflicted_push_count = u.conflicted_push_count + excluded.conflicted_push_count,
      open_log_sum = u.open_log_sum + excluded.open_log_sum
  ), typed AS (
    INSERT INTO sync.type_activity AS t (tenant_id, entity_type, timed_event_count, timed_conflict_count)
    SELECT $1, a.* FROM clock, unnest($24, $25, $26) AS a (entity_type, events, conflicts)
    ON CONFLICT (tenant_id, entity_type) DO UPDATE SET
      timed_event_count = t.timed_event_count + excluded.timed_event_count,
      timed_conflict_count = t.timed_conflict_count + excluded.timed_conflict_count
  ), recent AS (
    INSERT INTO sync.recent_push (tenant_id, slot, conflicted_before, open_log_before)
    SELECT $1, mod(clock.pushes + p.ord, 200), clock.conflicted + p.conflicted, clock.open_log + p.open_log
    FROM clock, unnest($30, $31, $32) AS p (ord, conflicted, open_log)
    ON CONFLICT (tenant_id, slot) DO UPDATE SET conflicted_before = excluded.conflicted_before,
      open_log_before = excluded.open_log_before
  ),"""
WRITE_TYPES = PUSH.FUNCTIONS["push_write"]
MORE_TYPES = f"{WRITE_TYPES}, bigint[], text[]{', bigint[]' * 8}"


def _replaced(text: str, *pairs: tuple[str, str]) -> str:
    """The text with each of the first ones, which it holds once, as the second."""
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


WRITE = _replaced(PUSH.WRITE, (ARGUMENTS, MORE_ARGUMENTS), (CLOCK, COUNTING_CLOCK), (ACTIVE, MORE_ACTIVE))

# In hours: a day of an interval has 23 or 25 of them where the clock is put forward or back.
RATES = """
    IF rates_of IS DISTINCT FROM of_type THEN
      rates_of := of_type;
      SELECT t.timed_event_count, t.timed_conflict_count INTO type_n, type_c
      FROM sync.type_activity AS t WHERE t.tenant_id = tenant AND t.entity_type = of_type;
      of_type_rate := (coalesce(type_c, 0) + 20 * tenant_rate) / (coalesce(type_n, 0) + 20);
    END IF;

    -- most records have none, and most are younger
    record_conflicts_180d := 0;
    IF conflict_count > 0 THEN
      SELECT count(*) INTO record_conflicts_180d FROM (
        SELECT FROM sync.sync_log AS l
        WHERE l.tenant_id = tenant AND l.entity_type = of_type AND l.entity_id = of_id AND l.is_conflicted
          AND l.outcome <> 'unchanged' AND l.edited_at < l.received_at
          AND l.received_at > now_at - interval '4320 hours'
        ORDER BY l.received_at DESC LIMIT 100) AS conflicted;
    END IF;
    record_events_90d := least(100, coalesce(event_count, 0));
    IF first_at <= now_at - interval '2160 hours' THEN
      SELECT count(*) INTO record_events_90d FROM (
        SELECT FROM sync.sync_log AS l
        WHERE l.tenant_id = tenant AND l.entity_type = of_type AND l.entity_id = of_id AND l.outcome <> 'unchanged'
          AND l.received_at > now_at - interval '2160 hours'
        ORDER BY l.received_at DESC LIMIT 100) AS recent;
    END IF;

    IF own_age IS NULL AND own_edit IS NOT NULL THEN
      SELECT extract(epoch FROM now_at - s.received_at)::float8 INTO own_age FROM sync.edit_session_event AS s
      WHERE s.tenant_id = tenant AND s.edit_id = own_edit AND s.user_id = asking_user
        AND s.entity_type = of_type AND s.entity_id = of_id
      ORDER BY s.seq LIMIT 1;
    END IF;

    as_of_seq := coalesce(clock_seq, 0);
"""
TENANT = """
  SELECT c.seq, c.timed_event_count, c.timed_conflict_count, c.timed_push_count, c.conflicted_push_count,
    c.open_log_sum
  INTO clock_seq, tenant_n, tenant_c, pushes, conflicted, open_log
  FROM sync.tenant_clock AS c WHERE c.tenant_id = tenant;
  IF pushes >= 200 THEN
    SELECT conflicted - p.conflicted_before, open_log - p.open_log_before INTO recent_c, recent_log
    FROM sync.recent_push AS p WHERE p.tenant_id = tenant AND p.slot = mod(pushes + 1, 200);
  ELSE
    recent_c := conflicted;
    recent_log := open_log;
  END IF;
  tenant_rate := (coalesce(tenant_c, 0) + 1) / (coalesce(tenant_n, 0) + 50)::float8;
  tenant_push_rate := (coalesce(conflicted, 0) + 1) / (coalesce(pushes, 0) + 20)::float8;
  of_tenant_share := (coalesce(recent_c, 0) + 1) / (least(200, coalesce(pushes, 0)) + 20)::float8;
  tenant_log := CASE WHEN pushes > 0 THEN recent_log / 4294967296.0::float8 / least(200, pushes)
    ELSE ln(86400.0::float8) END;
"""
DECLARED = """
DECLARE
  conflict_count bigint;
  own_age double precision;
  tenant_n bigint; tenant_c bigint; pushes bigint; conflicted bigint; open_log bigint;
  recent_c bigint; recent_log bigint; type_n bigint; type_c bigint;
  user_n bigint; user_c bigint; user_log bigint;
  tenant_rate double precision;
  tenant_push_rate double precision;
  of_tenant_share double precision;
  tenant_log double precision;
  rates_of text;
  of_type_rate double precision;
"""
ASKED_BEFORE = """
  FOR item, asking_user, own_device, of_type, of_id, own_edit, own_base, user_rate IN
    SELECT asked.number, asked.user_id, asked.device_id, asked.entity_type, asked.entity_id, asked.edit_id,
      asked.base_version,
      (SELECT CASE WHEN a.event_count > 0 THEN 100.0 * a.conflict_count / a.event_count END
       FROM sync.user_activity AS a WHERE a.tenant_id = tenant AND a.user_id = asked.user_id)
    FROM unnest(asking_users, devices, entity_types, entity_ids, edits, base_versions) WITH ORDINALITY
      AS asked (user_id, device_id, entity_type, entity_id, edit_id, base_version, number)
    ORDER BY asked.entity_type
"""
ASKED = """
  FOR item, asking_user, own_device, of_type, of_id, own_edit, own_base, own_age, user_rate, user_n, user_c, user_log IN
    SELECT asked.number, asked.user_id, asked.device_id, asked.entity_type, asked.entity_id, asked.edit_id,
      asked.base_version, asked.age_seconds, a.rate, a.timed_push_count, a.conflicted_push_count, a.open_log_sum
    FROM unnest(asking_users, devices, entity_types, entity_ids, edits, base_versions, ages) WITH ORDINALITY
      AS asked (user_id, device_id, entity_type, entity_id, edit_id, base_version, age_seconds, number)
    LEFT JOIN LATERAL (
      SELECT CASE WHEN a.event_count > 0 THEN 100.0 * a.conflict_count / a.event_count END AS rate,
        a.timed_push_count, a.conflicted_push_count, a.open_log_sum
      FROM sync.user_activity AS a WHERE a.tenant_id = tenant AND a.user_id = asked.user_id OFFSET 0
    ) AS a ON true
    ORDER BY asked.entity_type
"""
ANSWERED = """
    type_conflict_rate := of_type_rate;
    tenant_conflict_share := of_tenant_share;
    user_push_conflict_rate := (coalesce(user_c, 0) + 5 * tenant_push_rate) / (coalesce(user_n, 0) + 5);
    user_open_log_seconds := CASE WHEN user_n > 0
      THEN (user_log / 4294967296.0::float8 + 5 * tenant_log) / (user_n + 5) ELSE tenant_log END;
    edit_age_hours := greatest(0.0, coalesce(own_age, 0.0)) / 3600.0;
    records_open := 1;
    RETURN NEXT;
"""
ONLINE_FEATURES = _replaced(
    MEMBERS.for_members(BEFORE.ONLINE_FEATURES),
    ("base_versions integer[], announced jsonb)", "base_versions integer[], ages double precision[], announced jsonb)"),
    ("open_fields_shared double precision, open_same_base double precision)", """open_fields_shared double precision,
  open_same_base double precision, record_conflicts_180d double precision, record_events_90d double precision,
  type_conflict_rate double precision, tenant_conflict_share double precision,
  user_push_conflict_rate double precision, user_open_log_seconds double precision,
  edit_age_hours double precision, records_open double precision)"""),
    ("\nDECLARE\n", DECLARED),
    ("\n  SELECT c.seq INTO clock_seq FROM sync.tenant_clock AS c WHERE c.tenant_id = tenant;\n", TENANT),
    (ASKED_BEFORE, ASKED),
    ("SELECT r.version, r.event_count, r.first_event_at, r.project_id\n    INTO version_now, event_count, first_at,",
     "SELECT r.version, r.event_count, r.conflict_count, r.first_event_at, r.project_id\n"
     "    INTO version_now, event_count, conflict_count, first_at,"),
    ("      event_count := NULL;\n", "      event_count := NULL;\n      conflict_count := NULL;\n"),
    ("\n    as_of_seq := coalesce(clock_seq, 0);\n", RATES),
    ("\n    RETURN NEXT;\n", ANSWERED),
)  # fmt: skip
SIGNATURE = "sync.online_features(text, text[], text[], text[], text[], uuid[], integer[], double precision[], jsonb)"


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        for name in columns:
            column = sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
            op.add_column(table, column, schema="sync")
    op.create_table(
        "type_activity",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("entity_type", sa.Text(), nullable=False),
        sa.Column("timed_event_count", sa.BigInteger(), nullable=False),
        sa.Column("timed_conflict_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "entity_type", name=op.f("pk_type_activity")),
        schema="sync",
    )
    op.create_table(
        "recent_push",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("slot", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("conflicted_before", sa.BigInteger(), nullable=False),
        sa.Column("open_log_before", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "slot", name=op.f("pk_recent_push")),
        schema="sync",
    )
    op.create_index(
        "ix_sync_log_conflicted", "sync_log", ["tenant_id", "entity_type", "entity_id", "received_at"],
        schema="sync", postgresql_where=sa.text("is_conflicted"),
    )  # fmt: skip
    _backfill()
    for table in NEW_TABLES:
        # rewritten with every push
        op.execute(f"ALTER TABLE sync.{table} SET (fillfactor = 70)")
        op.execute(f"ALTER TABLE sync.{table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE sync.{table} FORCE ROW LEVEL SECURITY")
        op.execute(POLICY.format(table))
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON sync.{table} TO foresync_api")
        op.execute(f"GRANT SELECT ON sync.{table} TO foresync_ingest")
    _write(WRITE_TYPES, WRITE, MORE_TYPES)
    _features(BEFORE.SIGNATURE, ONLINE_FEATURES, SIGNATURE)


def downgrade() -> None:
    _features(SIGNATURE, MEMBERS.for_members(BEFORE.ONLINE_FEATURES), BEFORE.SIGNATURE)
    _write(MORE_TYPES, PUSH.WRITE, WRITE_TYPES)
    op.drop_index("ix_sync_log_conflicted", "sync_log", schema="sync")
    for table in NEW_TABLES:
        op.drop_table(table, schema="sync")
    for table, columns in COLUMNS.items():
        for name in columns:
            op.drop_column(table, name, schema="sync")


def _backfill() -> None:
    """Of all tenants at once, which an owner under FORCE may not."""
    read = ("sync_log", *COLUMNS)
    for table in read:
        op.execute(f"ALTER TABLE sync.{table} NO FORCE ROW LEVEL SECURITY")
    for statement in BACKFILL:
        op.execute(statement)
    for table in read:
        op.execute(f"ALTER TABLE sync.{table} FORCE ROW LEVEL SECURITY")


def _write(former: str, function: str, types: str) -> None:
    op.execute(f"DROP FUNCTION sync.push_write({former})")
    op.get_bind().exec_driver_sql(function)
    op.execute(f"REVOKE EXECUTE ON FUNCTION sync.push_write({types}) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION sync.push_write({types}) TO foresync_api")


def _features(former: str, function: str, signature: str) -> None:
    op.execute(f"DROP FUNCTION {former}")
    op.execute(function)
    op.execute(f"REVOKE EXECUTE ON FUNCTION {signature} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO foresync_serving")
