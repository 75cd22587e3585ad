"""Assets as Dagster makes them, one at a time, and what they and their checks say of themselves."""

from collections.abc import Mapping
from typing import Any

import dagster as dg


def made(asset: dg.AssetsDefinition, tags: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What a materialisation says of itself."""
    result = dg.materialize([asset], tags=tags, instance=dg.DagsterInstance.ephemeral())
    (event,) = result.get_asset_materialization_events()
    return {name: value.value for name, value in event.materialization.metadata.items()}


def checked(asset: dg.AssetsDefinition, check: dg.AssetChecksDefinition) -> dg.AssetCheckEvaluation:
    """What the check says of the asset as it is now; nothing is made anew."""
    selection = dg.AssetSelection.checks(check)
    result = dg.materialize([asset, check], selection=selection, instance=dg.DagsterInstance.ephemeral())
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation
