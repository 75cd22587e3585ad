"""Handing marts back to the operational database, through its own functions: this role can write nothing else."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Publication:
    """A mart, the function of schema `sync` that takes its rows as (tenant, jsonb), and its columns of JSON text."""

    name: str
    mart: str
    function: str
    json_columns: tuple[str, ...]
    description: str


PUBLICATIONS: Final = (
    Publication(
        "sync_analytics_snapshot",
        "fct_sync_analytics_snapshot",
        "publish_snapshot",
        ("by_entity_type",),
        "The hourly figures of the dashboard, where the sync API reads them.",
    ),
    Publication(
        "sync_device_health",
        "dim_device_health",
        "publish_device_health",
        ("reasons",),
        "The health of every device, where the sync API reads it.",
    ),
)


def publish(url: str, publication: Publication, batches: Iterable[tuple[str, list[str]]]) -> int:
    """Call the function once a batch, all in one transaction; answers the rows written. Repeating it adds none."""
    import psycopg2

    written = 0
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            for tenant, rows in batches:
                cursor.execute(f"SELECT sync.{publication.function}(%s, %s::jsonb)", (tenant, f"[{','.join(rows)}]"))
                written += len(rows)
    finally:
        connection.close()
    return written
