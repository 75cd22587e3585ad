"""The dbt models as assets, their tests as checks. What a model is stands in its SQL and yml."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, dbt_assets

from orchestration.lib.dbt_translator import FolderTranslator
from orchestration.prepare import MANIFEST


@dbt_assets(manifest=MANIFEST, dagster_dbt_translator=FolderTranslator(), name="dbt_models", pool="duckdb")
def dbt_models(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
    """`dbt build`: every model, then its tests."""
    yield from dbt.cli(["build"], context=context).stream().fetch_row_counts().fetch_column_metadata(
        with_column_lineage=False
    )
