"""A person's own conflicts, newest first, without reading everybody's."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INDEX, TABLE = "ix_conflict_resolution_user", "conflict_resolution"


def upgrade() -> None:
    op.create_index(INDEX, TABLE, ["tenant_id", "user_id", "created_at"], schema="sync")


def downgrade() -> None:
    op.drop_index(INDEX, table_name=TABLE, schema="sync")
