"""The same project built by another engine, and what differs between its tables and those of the DuckDB warehouse."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import psycopg
import pyarrow.parquet as pq
from warehouse_under_test import Warehouse

from orchestration.lib import operational

PASSWORD = "test"
TOLERANCE = 1e-9
# the same document, though not the same text: PostgreSQL has a layout and an order of its own
JSON_COLUMNS = {"by_entity_type", "reasons"}
# what a run is about to write, and looks at for that
OF_ONE_RUN = {"int_open_days", "int_reach", "int_field_sets"}


@dataclass(frozen=True)
class Model:
    """A model that is built as a table, with the columns that its rows are told apart by."""

    schema: str
    name: str
    keys: tuple[str, ...]


def models(warehouse: Warehouse) -> list[Model]:
    """What the DuckDB build made into tables."""
    manifest = json.loads((warehouse.folder / "target" / "manifest.json").read_text())
    keys = {
        node["attached_node"]: tuple(node["test_metadata"]["kwargs"]["columns"])
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and node.get("test_metadata", {}).get("name") == "primary_key"
    }
    return [
        Model(node["schema"], node["name"], keys[unique_id])
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "model"
        and node["config"]["materialized"] != "view"
        and node["name"] not in OF_ONE_RUN
    ]


def warehouse_in_postgres(database_url: str) -> tuple[str, dict[str, str]]:
    """Let the warehouse's role build in the database; answers its URL, and what dbt is told."""
    server = urlsplit(database_url)
    name = server.path.lstrip("/")
    with psycopg.connect(database_url) as connection:
        connection.execute(f"ALTER ROLE foresync_warehouse PASSWORD '{PASSWORD}'")
        # what the migration gave does not come along with a copy of the database
        connection.execute(f"GRANT CREATE ON DATABASE {name} TO foresync_warehouse")
    environment = {
        "FORESYNC_DBT_TARGET": "postgres", "PGHOST": str(server.hostname), "PGPORT": str(server.port),
        "PGDATABASE": name, "PGUSER": "foresync_warehouse", "PGPASSWORD": PASSWORD,
    }  # fmt: skip
    return server._replace(
        netloc=f"foresync_warehouse:{PASSWORD}@{server.hostname}:{server.port}"
    ).geturl(), environment


def fetch_from_postgres(url: str, found: list[Model], folder: Path) -> dict[str, str]:
    """Copy every table to a file; answers model → the relation that DuckDB reads it by."""
    with operational.connect(url) as connection, connection.cursor() as cursor:
        for model in found:
            cursor.execute(f"SELECT * FROM warehouse_{model.schema}.{model.name}")
            with cursor.fetch_record_batch() as reader, pq.ParquetWriter(_file(folder, model), reader.schema) as writer:
                for batch in reader:
                    writer.write_batch(batch)
    return {model.name: f"read_parquet('{_file(folder, model)}')" for model in found}


def written_by_spark(folder: Path, found: list[Model]) -> dict[str, str]:
    """The same for a session whose tables lie below `folder`."""
    return {m.name: f"read_parquet('{folder}/warehouse_{m.schema}.db/{m.name}/**/*.parquet')" for m in found}


def _file(folder: Path, model: Model) -> Path:
    return folder / f"{model.name}.parquet"


def differences(warehouse: Warehouse, found: list[Model], theirs: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Model → what is wrong with it: rows that only one has, or per column in how many rows it differs."""
    wrong = {}
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for model in found:
            if counted := _differences(connection, model, theirs[model.name]):
                wrong[model.name] = counted
    return wrong


def _differences(connection: duckdb.DuckDBPyConnection, model: Model, theirs: str) -> dict[str, Any]:
    kinds = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE {model.schema}.{model.name}").fetchall()}
    same_key = " AND ".join(f"ours.{key} IS NOT DISTINCT FROM CAST(theirs.{key} AS {kinds[key]})" for key in model.keys)
    values = [name for name in kinds if name not in model.keys]
    compared = {name: _differs(name, kinds[name]) for name in values if name not in JSON_COLUMNS}
    counts = {
        "only_ours": f"theirs.{model.keys[0]} IS NULL",
        "only_theirs": f"ours.{model.keys[0]} IS NULL",
        **{name: f"ours.{model.keys[0]} = theirs.{model.keys[0]} AND {differs}" for name, differs in compared.items()},
    }
    both = f"{model.schema}.{model.name} AS ours FULL JOIN {theirs} AS theirs ON {same_key}"
    result = connection.execute(
        f"SELECT {', '.join(f'count(*) FILTER ({where}) AS {name}' for name, where in counts.items())} FROM {both}"
    )
    names = [column[0] for column in result.description]
    found = {name: count for name, count in zip(names, result.fetchall()[0], strict=True) if count}
    for name in JSON_COLUMNS & set(values):
        texts = connection.execute(f"SELECT ours.{name}, theirs.{name} FROM {both}").fetchall()
        if different := sum(json.loads(ours) != json.loads(their) for ours, their in texts):
            found[name] = different
    return found


def _differs(name: str, kind: str) -> str:
    ours, theirs = f"ours.{name}", f"CAST(theirs.{name} AS {kind})"
    if kind == "DOUBLE":
        near = f"abs({ours} - {theirs}) <= {TOLERANCE} * greatest(abs({ours}), abs({theirs}))"
        return f"NOT coalesce({near}, {ours} IS NULL AND {theirs} IS NULL)"
    return f"{ours} IS DISTINCT FROM {theirs}"
