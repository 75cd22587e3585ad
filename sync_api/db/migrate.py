"""Bring a database up to the schema of this version, and give the roles their passwords.

Run by whoever owns the schema (`DATABASE_URL`), never by the servers: their roles could not.
"""

import argparse
import os
import sys
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql

ROLES = ("foresync_api", "foresync_serving", "foresync_ingest", "foresync_publish")
_SCRIPTS = Path(__file__).parent / "migrations"


def config(admin_url: str) -> Config:
    """Alembic's configuration for a libpq URL."""
    alembic = Config()
    alembic.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    alembic.attributes["url"] = "postgresql+psycopg://" + admin_url.split("://", 1)[1]
    return alembic


def upgrade(admin_url: str) -> None:
    """Run every migration that the database has not had. Safe to repeat, and to run twice at once."""
    command.upgrade(config(admin_url), "head")


def check(admin_url: str) -> None:
    """Compare the migrated database with `sync_api.db.tables`; alembic's CommandError when they differ."""
    command.check(config(admin_url))


def set_passwords(admin_url: str, passwords: dict[str, str]) -> None:
    """Give each of our roles its password. ValueError for a role that is not ours."""
    if unknown := set(passwords) - set(ROLES):
        raise ValueError(f"not our roles: {', '.join(sorted(unknown))}")
    with psycopg.connect(admin_url, autocommit=True) as connection:
        for role, password in sorted(passwords.items()):
            connection.execute(
                sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
            )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sync_api.db.migrate", description=__doc__)
    parser.add_argument("action", choices=("upgrade", "check", "revision"), nargs="?", default="upgrade")
    parser.add_argument("-m", "--message", help="what the new revision does")
    arguments = parser.parse_args()
    admin_url = os.environ.get("DATABASE_URL")
    if not admin_url:
        sys.exit("DATABASE_URL must name the database, as its owner: postgresql://user@host:port/name")
    match arguments.action:
        case "upgrade":
            upgrade(admin_url)
        case "check":
            check(admin_url)
        case "revision":
            command.revision(config(admin_url), message=arguments.message, autogenerate=True)


if __name__ == "__main__":
    main()
