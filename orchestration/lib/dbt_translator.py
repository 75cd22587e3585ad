"""How a dbt model is called and grouped in Dagster. Facts of the models themselves stand in their yml."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject

OWNER = "team:data"


class FolderTranslator(DagsterDbtTranslator):  # type: ignore[misc]  # dagster_dbt is skipped by mypy
    """Group by the model's folder; a dbt source is the ingest asset of the same table."""

    def __init__(self) -> None:
        super().__init__(settings=DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        spec: dg.AssetSpec = super().get_asset_spec(manifest, unique_id, project)
        node = manifest["sources"].get(unique_id) or manifest["nodes"][unique_id]
        if node["resource_type"] == "source":
            return spec.replace_attributes(key=dg.AssetKey(["raw", node["name"]]))
        folder = node["fqn"][1]
        return spec.replace_attributes(
            key=dg.AssetKey([folder, node["name"]]), group_name=folder, owners=[OWNER], kinds={"dbt", "duckdb"}
        )
