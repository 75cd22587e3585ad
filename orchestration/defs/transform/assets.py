"""The dbt models as assets, their tests as checks. What a model is stands in its SQL and yml."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, dbt_assets

from orchestration.lib.dbt_facts import model_facts
from orchestration.lib.dbt_translator import FolderTranslator
from orchestration.prepare import MANIFEST, manifest
from orchestration.settings import settings


@dbt_assets(manifest=MANIFEST, dagster_dbt_translator=FolderTranslator(), name="dbt_models", pool="duckdb")  # type: ignore[untyped-decorator]  # dagster_dbt is skipped by mypy
def dbt_models(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
    """`dbt build`: every model, then its tests. Unit tests belong to development, not to a run over data."""
    command = ["build", "--exclude-resource-type", "unit_test"]
    built: list[dg.Output[Any]] = []
    # what dbt compiles is of no use after the run, and some megabytes each time
    with TemporaryDirectory(prefix="dbt-") as target:
        try:
            for event in dbt.cli(command, context=context, target_path=Path(target)).stream():
                if isinstance(event, dg.Output):
                    built.append(event)
                else:
                    yield event
        except Exception:
            # what was built counts, also when another model failed; dbt may still have the file open
            yield from built
            raise
    yield from _with_facts(built)


def _with_facts(built: list[dg.Output[Any]]) -> Iterator[dg.Output[Any]]:
    """Only now has dbt let go of the warehouse file."""
    unique_ids = [str(event.metadata["unique_id"].value) for event in built]
    facts = model_facts(settings().warehouse_path, manifest(), unique_ids)
    for event, unique_id in zip(built, unique_ids, strict=True):
        yield event.with_metadata({**event.metadata, **facts.get(unique_id, {})})
