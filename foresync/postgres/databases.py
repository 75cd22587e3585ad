"""Databases of a running server, and who owns them. What is inside a database is the migrations' business."""

import psycopg
from psycopg import sql


def ensure_database(url: str, name: str) -> None:
    """Create the database unless it exists; `url` is an administrator's connection to any database."""
    with psycopg.connect(url, autocommit=True) as connection:
        exists = connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone()
        if not exists:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))


def ensure_owned_database(url: str, name: str, password: str) -> None:
    """A database `name` that belongs to a role of the same name, which logs in with `password`."""
    with psycopg.connect(url, autocommit=True) as connection:
        role = sql.Identifier(name)
        if not connection.execute("select 1 from pg_roles where rolname = %s", [name]).fetchone():
            connection.execute(sql.SQL("create role {}").format(role))
        connection.execute(sql.SQL("alter role {} login password {}").format(role, sql.Literal(password)))
        if not connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
            # whoever creates a database for a role must be a member of it, unless superuser
            connection.execute(sql.SQL("grant {} to current_user").format(role))
            connection.execute(sql.SQL("create database {0} owner {0}").format(role))


def server_version(url: str) -> int:
    """The major version."""
    with psycopg.connect(url) as connection:
        return connection.info.server_version // 10_000


def clone_database(url: str, name: str, template: str) -> None:
    """A fresh copy of `template`, in place of any database of that name; nobody may be connected to either."""
    with psycopg.connect(url, autocommit=True) as connection:
        drop_database(url, name)
        connection.execute(
            sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template))
        )


def drop_database(url: str, name: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
