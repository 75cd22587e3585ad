"""Check written rows by the setting itself: a push writes hundreds, and the function costs each of them a call.

With no tenant set the setting is null, the check is not true, and the row is refused all the same.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

EVERY_POLICY = "SELECT tablename FROM pg_policies WHERE schemaname = 'sync' AND policyname = 'tenant_isolation'"
BY_SETTING = "tenant_id = current_setting('foresync.tenant', true)"
BY_FUNCTION = "tenant_id = sync.current_tenant()"


def upgrade() -> None:
    _check(BY_SETTING)


def downgrade() -> None:
    _check(BY_FUNCTION)


def _check(expression: str) -> None:
    for (table,) in op.get_bind().exec_driver_sql(EVERY_POLICY).fetchall():
        op.execute(f"ALTER POLICY tenant_isolation ON sync.{table} WITH CHECK ({expression})")
