"""The online features know the projects' members: who is none finds a record of a project as one that is not there.

The rule is `sync_api.engine.membership`'s. Without it a prediction would tell how many people edit a record that the
asker may not see. Whose edit it is counts, not who asks for them.
"""

from importlib import import_module

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

BEFORE = import_module("sync_api.db.migrations.versions.0013_features_for_several_users")

LOOKED_UP = """
    SELECT r.version, r.event_count, r.first_event_at INTO version_now, event_count, first_at
    FROM sync.record AS r WHERE r.tenant_id = tenant AND r.entity_type = of_type AND r.entity_id = of_id;
"""
# Without an id nothing of the record is found below.
LOOKED_UP_FOR_MEMBERS = """
    SELECT r.version, r.event_count, r.first_event_at, r.project_id
    INTO version_now, event_count, first_at, of_project
    FROM sync.record AS r WHERE r.tenant_id = tenant AND r.entity_type = of_type AND r.entity_id = of_id;
    IF of_project IS NOT NULL AND NOT EXISTS (
      SELECT FROM sync.project_member AS m
      WHERE m.tenant_id = tenant AND m.project_id = of_project AND m.user_id = asking_user AND m.revoked_at IS NULL
    ) THEN
      of_id := NULL;
      version_now := NULL;
      event_count := NULL;
      first_at := NULL;
    END IF;
"""


def for_members(function: str) -> str:
    """The text of the function, with the rule in it."""
    assert function.count(LOOKED_UP) == 1
    assert function.count("\nDECLARE\n") == 1
    return function.replace("\nDECLARE\n", "\nDECLARE\n  of_project text;\n").replace(LOOKED_UP, LOOKED_UP_FOR_MEMBERS)


def upgrade() -> None:
    op.execute(_again(for_members(BEFORE.ONLINE_FEATURES)))


def downgrade() -> None:
    op.execute(_again(BEFORE.ONLINE_FEATURES))


def _again(function: str) -> str:
    return function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
