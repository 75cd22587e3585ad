"""Look at the table of tables, not at what this session remembers of it, before a month is made.

Whoever waited for the lock had been told a moment ago that the month is not there, and `to_regclass` said so again.
"""

from importlib import import_module

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

REMEMBERED = "  IF to_regclass('sync.' || name) IS NOT NULL THEN RETURN; END IF;\n  EXECUTE"
READ_ANEW = (
    "  IF EXISTS (SELECT FROM pg_class WHERE relname = name AND relnamespace = 'sync'::regnamespace) THEN RETURN;"
    " END IF;\n  EXECUTE"
)
BEFORE = import_module("sync_api.db.migrations.versions.0003_functions").ENSURE_MONTH.replace(
    "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"
)


def upgrade() -> None:
    op.execute(BEFORE.replace(REMEMBERED, READ_ANEW))


def downgrade() -> None:
    op.execute(BEFORE)
