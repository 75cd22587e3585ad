"""The rows that a push sends, as types: an array of rows costs both sides less than an array per column.

They are apart from the tables' own row types, so that a column can be added to a table while servers are running.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TYPES = {
    "record_key": "entity_type text, entity_id text",
    "change_key": "user_id text, device_id text, entity_type text, offline_id text",
    "record_write": """
        entity_type text, entity_id text, project_id text, expected integer, version integer, data jsonb,
        replaces boolean, stamps jsonb, ord bigint, deleted_at timestamptz, updated_at timestamptz, updated_by text,
        events bigint, conflicts bigint, place tid""",
    "log_write": """
        received_at timestamptz, id uuid, ord bigint, sync_id uuid, sync_session_id text, user_id text, device_id text,
        entity_type text, entity_id text, project_id text, offline_id text, operation text, base_version integer,
        server_version integer, new_version integer, outcome text, is_conflicted boolean, field_changes jsonb,
        fields text, edited_at_sent timestamptz, edited_at timestamptz, network_type text, device_metadata jsonb,
        edit_id uuid, prediction_id uuid""",
    "answer_write": """
        user_id text, device_id text, entity_type text, offline_id text, content_sha256 bytea, answer text""",
}


def upgrade() -> None:
    for name, columns in TYPES.items():
        op.execute(f"CREATE TYPE sync.{name} AS ({columns})")


def downgrade() -> None:
    for name in TYPES:
        op.execute(f"DROP TYPE sync.{name}")
