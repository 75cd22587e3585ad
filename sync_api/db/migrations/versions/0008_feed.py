"""The feed: records in the order of their seq, and who may see them.

The index on `seq` costs every update of a record its HOT path (a page that is read by seq has to be found by seq);
the figures are in bench/push.py and bench/pull.py. A record's project and the members of projects are looked up the
other way round, too; those indexes are empty for tenants without projects.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

POLICY = """
CREATE POLICY tenant_isolation ON sync.access_change
USING (tenant_id = sync.current_tenant()) WITH CHECK (tenant_id = current_setting('foresync.tenant', true))
"""


def upgrade() -> None:
    op.add_column("record", sa.Column("updated_device", sa.Text(), nullable=True), schema="sync")
    op.execute("ALTER TYPE sync.record_write ADD ATTRIBUTE updated_device text")
    op.create_index("ix_record_seq", "record", ["tenant_id", "seq"], schema="sync")
    op.create_index(
        "ix_record_project_id",
        "record",
        ["tenant_id", "project_id"],
        schema="sync",
        postgresql_where=sa.text("project_id IS NOT NULL"),
    )
    op.create_index("ix_project_member_user_id", "project_member", ["tenant_id", "user_id"], schema="sync")
    op.create_table(
        "access_change",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("entity_type", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "project_id", "user_id", "entity_type", "entity_id", name=op.f("pk_access_change")
        ),
        schema="sync",
    )
    op.create_index("ix_access_change_seq", "access_change", ["tenant_id", "seq"], schema="sync")
    op.execute("ALTER TABLE sync.access_change ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE sync.access_change FORCE ROW LEVEL SECURITY")
    op.execute(POLICY)
    op.execute("GRANT SELECT, INSERT, UPDATE ON sync.access_change TO foresync_api")
    op.execute("GRANT SELECT ON sync.access_change TO foresync_ingest")


def downgrade() -> None:
    op.drop_table("access_change", schema="sync")
    op.drop_index("ix_project_member_user_id", "project_member", schema="sync")
    op.drop_index("ix_record_project_id", "record", schema="sync")
    op.drop_index("ix_record_seq", "record", schema="sync")
    op.execute("ALTER TYPE sync.record_write DROP ATTRIBUTE updated_device")
    op.drop_column("record", "updated_device", schema="sync")
