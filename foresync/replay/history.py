"""A history file as pushes of edits. Reading only: what is sent, and when, is the plan's.

Times are microseconds since 1970 UTC, whole numbers, so that mapping them loses nothing.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, Any]

COLUMNS = (
    "push_id",
    "is_merge",
    "user_id",
    "entity_id",
    "entity_type",
    "op",
    "edited_at",
    "synced_at",
    "client_version",
    "server_version",
    "applied",
    "fields_client",
    "values_client",
    "fields_first_at",
)


class HistoryError(ValueError):
    """The file is not a history: a column is missing, or it is not in order."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One record's change in a push. Versions are the history's own; `fields`, `values` and `first_at` are aligned.

    `raised_to` is the record's version in the history after the push (it stays where a push was taken without effect).
    """

    entity_id: int
    entity_type: str
    op: str
    edited_at: int
    client_version: int
    raised_to: int
    fields: tuple[int, ...]
    values: tuple[int, ...]
    first_at: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Push:
    """What one client sent at one moment: a plain commit, or (`is_merge`) an offline client's sync."""

    push_id: int
    user_id: int
    is_merge: bool
    synced_at: int
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class History:
    """A file's pushes in order, with the digest (SHA-256, hex) that names the file."""

    digest: str
    pushes: list[Push]

    @property
    def changes(self) -> int:
        return sum(len(push.edits) for push in self.pushes)

    @property
    def entity_types(self) -> set[str]:
        return {edit.entity_type for push in self.pushes for edit in push.edits}

    @property
    def span(self) -> tuple[int, int]:
        """The first and the last moment of anything in it."""
        first = min(edit.edited_at for push in self.pushes for edit in push.edits)
        return min(first, self.pushes[0].synced_at), self.pushes[-1].synced_at


def read(path: Path) -> History:
    """Read a Parquet history. Raises HistoryError when it is none, OSError when it cannot be read."""
    content = path.read_bytes()
    pushes = [_push(list(rows)) for _, rows in groupby(_rows(content, path), key=itemgetter("push_id"))]
    if not pushes:
        raise HistoryError(f"{path}: no pushes in it")
    for one, next_one in pairwise(pushes):
        if next_one.push_id <= one.push_id or next_one.synced_at < one.synced_at:
            raise HistoryError(f"{path}: push {next_one.push_id} is out of order")
    return History(hashlib.sha256(content).hexdigest(), pushes)


def _push(rows: list[Row]) -> Push:
    first = rows[0]
    return Push(
        first["push_id"],
        first["user_id"],
        first["is_merge"],
        first["synced_at"],
        tuple(_edit(row) for row in rows),
    )


def _edit(row: Row) -> Edit:
    return Edit(
        row["entity_id"],
        row["entity_type"],
        row["op"],
        row["edited_at"],
        row["client_version"],
        row["server_version"] + (1 if row["applied"] else 0),
        tuple(row["fields_client"]),
        tuple(row["values_client"]),
        tuple(row["fields_first_at"]),
    )


def _rows(content: bytes, path: Path) -> Iterator[Row]:
    """The rows as dicts, times as microseconds."""
    import pyarrow as pa  # a replay needs it, the rest of the command does not
    import pyarrow.parquet as pq

    moment = pa.timestamp("us", tz="UTC")
    times = {"edited_at": moment, "synced_at": moment, "fields_first_at": pa.list_(moment)}
    numbers = {"edited_at": pa.int64(), "synced_at": pa.int64(), "fields_first_at": pa.list_(pa.int64())}
    try:
        table = pq.read_table(pa.BufferReader(content), columns=list(COLUMNS))
        if missing := set(COLUMNS) - set(table.column_names):
            raise HistoryError(f"{path}: no column {', '.join(sorted(missing))}")
        columns = [
            table[name].cast(times[name]).cast(numbers[name]) if name in times else table[name] for name in COLUMNS
        ]
    except pa.ArrowException as error:
        raise HistoryError(f"{path}: {error}") from error
    for values in zip(*(column.to_pylist() for column in columns), strict=True):
        yield dict(zip(COLUMNS, values, strict=True))
