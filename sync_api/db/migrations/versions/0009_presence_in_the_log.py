"""Events are logged with who else was there: a record remembers the last event of each user for a week.

The record's row is read and rewritten by every push anyway; asking the log instead would cost every change a look-up
that grows with the record's history.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("record", sa.Column("last_events", pg.JSONB(), server_default="{}", nullable=False), schema="sync")
    op.execute("ALTER TYPE sync.record_write ADD ATTRIBUTE last_events jsonb")
    op.execute("ALTER TYPE sync.log_write ADD ATTRIBUTE concurrent_editors integer")
    op.execute("ALTER TYPE sync.log_write ADD ATTRIBUTE hours_since_last_sync double precision")


def downgrade() -> None:
    op.execute("ALTER TYPE sync.log_write DROP ATTRIBUTE hours_since_last_sync")
    op.execute("ALTER TYPE sync.log_write DROP ATTRIBUTE concurrent_editors")
    op.execute("ALTER TYPE sync.record_write DROP ATTRIBUTE last_events")
    op.drop_column("record", "last_events", schema="sync")
