"""Databases and role passwords of a running cluster. What is inside a database is the migrations' business."""

from collections.abc import Mapping

import psycopg
from psycopg import sql


def ensure_database(url: str, name: str) -> None:
    """Create the database unless it exists; `url` is an administrator's connection to any database."""
    with psycopg.connect(url, autocommit=True) as connection:
        exists = connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone()
        if not exists:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))


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


def set_role_passwords(url: str, passwords: Mapping[str, str]) -> None:
    """Let the roles that the migrations made log in, each with its password (role → password)."""
    with psycopg.connect(url, autocommit=True) as connection:
        for role, password in passwords.items():
            connection.execute(
                sql.SQL("alter role {} login password {}").format(sql.Identifier(role), sql.Literal(password))
            )
