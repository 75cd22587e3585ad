"""The online features count up to a hundred events of a record without putting them in order first.

Sorted, a hundred events of a busy record cost as much as all of them: its months cannot be put in order without the
default partition. Which hundred makes no difference to their number.
"""

from importlib import import_module

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

BEFORE = import_module("sync_api.db.migrations.versions.0022_features_of_histories").ONLINE_FEATURES
SORTED = "\n        ORDER BY l.received_at DESC LIMIT 100)"
assert BEFORE.count(SORTED) == 2
ONLINE_FEATURES = BEFORE.replace(SORTED, "\n        LIMIT 100)")


def upgrade() -> None:
    op.execute(_again(ONLINE_FEATURES))


def downgrade() -> None:
    op.execute(_again(BEFORE))


def _again(function: str) -> str:
    return function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
