"""Where alembic and our schema meet. Holds no schema: that is in `versions/` and in `sync_api.db.tables`."""

from typing import Any

import sqlalchemy as sa
from alembic import context

from sync_api.db.tables import metadata

# Two starts at once must not migrate at once; the number is ours and means nothing.
MIGRATION_LOCK = 7_140_210_001


def of_ours(thing: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
    """Only the tables of `sync` are compared; its partitions are made by `sync.ensure_month`."""
    if kind == "table":
        partition = reflected and compare_to is None and (name or "").startswith("sync_log_")
        return thing.schema == "sync" and not partition
    return True


def only_sync(name: str | None, kind: str, _parents: Any) -> bool:
    return kind != "schema" or name == "sync"


def run() -> None:
    engine = sa.create_engine(context.config.attributes["url"], poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        # a migration that waits for a busy table makes every later request wait behind it: give up instead
        connection.execute(sa.text("SET lock_timeout = '5s'"))
        connection.execute(sa.text("CREATE SCHEMA IF NOT EXISTS sync"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=metadata,
            version_table_schema="sync",
            include_schemas=True,
            include_name=only_sync,
            include_object=of_ours,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


if context.is_offline_mode():
    raise SystemExit("The migrations create roles and read the catalogue: they need a connection.")
run()
