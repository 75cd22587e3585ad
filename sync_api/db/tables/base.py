"""The metadata that every table of the schema `sync` hangs on, and the columns that recur.

Every table is led by `tenant_id`, in its key and in its indexes. Row-level security, roles, grants and partitions
are not expressible here: they live in the migrations.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

metadata = sa.MetaData(
    schema="sync",
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    },
)


def tenant_id(**kwargs: Any) -> sa.Column[str]:
    return sa.Column("tenant_id", sa.Text, nullable=False, **kwargs)


def text(name: str, **kwargs: Any) -> sa.Column[str]:
    kwargs.setdefault("nullable", False)
    return sa.Column(name, sa.Text, **kwargs)


def at(name: str, **kwargs: Any) -> sa.Column[Any]:
    """A moment in UTC, `timestamptz`."""
    kwargs.setdefault("nullable", False)
    return sa.Column(name, sa.TIMESTAMP(timezone=True), **kwargs)


def json(name: str, **kwargs: Any) -> sa.Column[Any]:
    kwargs.setdefault("nullable", False)
    return sa.Column(name, pg.JSONB, **kwargs)


def texts(name: str, **kwargs: Any) -> sa.Column[Any]:
    kwargs.setdefault("nullable", False)
    return sa.Column(name, pg.ARRAY(sa.Text), **kwargs)


def number(name: str, **kwargs: Any) -> sa.Column[int]:
    """A 64-bit integer."""
    kwargs.setdefault("nullable", False)
    return sa.Column(name, sa.BigInteger, **kwargs)


def one_of(name: str, values: tuple[str, ...], **kwargs: Any) -> sa.Column[str]:
    """A string enum held by a CHECK, so that a new value is an ordinary migration."""
    kwargs.setdefault("nullable", False)
    return sa.Column(name, sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40), **kwargs)
