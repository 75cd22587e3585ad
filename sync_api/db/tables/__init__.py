"""The operational schema as SQLAlchemy tables: what the migrations must amount to (`alembic check` compares)."""

from sync_api.db.tables import conflicts, log, notifications, predictions, presence, published, records, tenants
from sync_api.db.tables.base import metadata

__all__ = [
    "conflicts",
    "log",
    "metadata",
    "notifications",
    "predictions",
    "presence",
    "published",
    "records",
    "tenants",
]
