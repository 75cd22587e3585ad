"""Row counts and columns of freshly built models, read in one go; what columns of the lake mean.

dagster-dbt can fetch these itself, but then keeps the DuckDB file open for the rest of the process, which shuts
out every later writer.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.lib.warehouse import reading

COLUMNS = """
SELECT table_schema || '.' || table_name, column_name, data_type
FROM information_schema.columns WHERE table_catalog = current_database()
ORDER BY table_schema, table_name, ordinal_position
"""


def model_facts(warehouse: Path, manifest: Mapping[str, Any], unique_ids: list[str]) -> dict[str, dict[str, Any]]:
    """unique_id → row count and column schema; models that do not exist in the warehouse are left out."""
    nodes = {unique_id: manifest["nodes"][unique_id] for unique_id in unique_ids}
    relations = {unique_id: f"{node['schema']}.{node['alias']}" for unique_id, node in nodes.items()}
    with reading(warehouse) as connection:
        columns: dict[str, list[tuple[str, str]]] = {}
        for relation, column, kind in connection.execute(COLUMNS).fetchall():
            columns.setdefault(relation, []).append((column, kind))
        built = {unique_id: name for unique_id, name in relations.items() if name in columns}
        counts = _counts(connection, built)
    return {
        unique_id: {
            "dagster/row_count": counts[unique_id],
            "dagster/column_schema": _schema(columns[relation], nodes[unique_id]["columns"]),
        }
        for unique_id, relation in built.items()
    }


def column_meanings(manifest: Mapping[str, Any], told_of: str) -> dict[str, str]:
    """Column → what it means: of a model, or of a source in the words of the staging models that read it."""
    source = f"source.foresync.sync.{told_of}"
    return {
        column: documented["description"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and (node["name"] == told_of or source in node["depends_on"]["nodes"])
        for column, documented in node["columns"].items()
    }


def _counts(connection: Any, relations: Mapping[str, str]) -> dict[str, int]:
    if not relations:
        return {}
    counted = [f"SELECT '{unique_id}', count(*) FROM {relation}" for unique_id, relation in relations.items()]
    return dict(connection.execute(" UNION ALL ".join(counted)).fetchall())


def _schema(columns: list[tuple[str, str]], documented: Mapping[str, Any]) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, kind.lower(), description=documented.get(name, {}).get("description"))
            for name, kind in columns
        ]
    )
