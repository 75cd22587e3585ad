"""A role for a warehouse that lives in the operational server: it reads every tenant and writes schemas of its own.

The role that copies into the lake stays read only. Nobody can log in as this one until it is given a password.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ROLE = "foresync_warehouse"
# what the dbt project reads
TABLES = (
    "tenant", "tenant_clock", "device", "tenant_conflict_policy", "replay_anchor", "sync_request", "sync_log",
    "conflict_resolution", "edit_session_event", "prediction_log",
)  # fmt: skip

# Roles belong to the cluster: made when missing, also when another database is migrated at this moment.
CREATE_ROLE = f"""
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
    CREATE ROLE {ROLE} LOGIN BYPASSRLS;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""
ON_DATABASE = """
DO $$ BEGIN
  EXECUTE format('{} CREATE ON DATABASE %I {}', current_database());
END $$
"""


def upgrade() -> None:
    op.execute(CREATE_ROLE)
    op.execute(f"GRANT USAGE ON SCHEMA sync TO {ROLE}")
    op.execute(f"GRANT SELECT ON {', '.join(f'sync.{table}' for table in TABLES)} TO {ROLE}")
    op.execute(ON_DATABASE.format("GRANT", f"TO {ROLE}"))


def downgrade() -> None:
    op.execute(ON_DATABASE.format("REVOKE", f"FROM {ROLE}"))
    op.execute(f"REVOKE SELECT ON {', '.join(f'sync.{table}' for table in TABLES)} FROM {ROLE}")
    op.execute(f"REVOKE USAGE ON SCHEMA sync FROM {ROLE}")
