"""A record's life begins with its earliest event, also of several pushes that one import brings, and of an import of
what is older than all that is there: its age is a feature.
"""

from importlib import import_module

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

BEFORE = import_module("sync_api.db.migrations.versions.0022_features_of_histories").WRITE

WRITE = BEFORE
for old, new in (
    ("r.events, r.conflicts, r.received_at,\n", "r.events, r.conflicts, r.first_event_at,\n"),
    (
        "conflict_count = t.conflict_count + r.conflicts, ",
        "conflict_count = t.conflict_count + r.conflicts,\n"
        "      first_event_at = least(t.first_event_at, r.first_event_at), ",
    ),
):
    assert WRITE.count(old) == 1, old
    WRITE = WRITE.replace(old, new)

# What was archived is not in the log any more.
REPAIR = """
UPDATE sync.record AS r SET first_event_at = e.first_event_at
FROM (SELECT tenant_id, entity_type, entity_id, min(received_at) AS first_event_at FROM sync.sync_log
      WHERE outcome <> 'unchanged' GROUP BY 1, 2, 3) AS e
WHERE r.tenant_id = e.tenant_id AND r.entity_type = e.entity_type AND r.entity_id = e.entity_id
  AND e.first_event_at < r.first_event_at
"""
READ = ("record", "sync_log")


def upgrade() -> None:
    op.execute("ALTER TYPE sync.pushed_record ADD ATTRIBUTE first_event_at timestamptz")
    _replace(WRITE)
    # of all tenants at once, which an owner under FORCE may not
    for table in READ:
        op.execute(f"ALTER TABLE sync.{table} NO FORCE ROW LEVEL SECURITY")
    op.execute(REPAIR)
    for table in READ:
        op.execute(f"ALTER TABLE sync.{table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    _replace(BEFORE)
    op.execute("ALTER TYPE sync.pushed_record DROP ATTRIBUTE first_event_at")


def _replace(function: str) -> None:
    op.get_bind().exec_driver_sql(function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1))
