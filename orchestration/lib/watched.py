"""What the assets that watch a model have in common: their group, their owner, and how old they may be."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import dagster as dg

GROUP: Final = "model_monitoring"
Told = dg.MaterializeResult[None]
Computed = Callable[[], Told] | Callable[[dg.AssetExecutionContext], Told]


def watched(
    description: str, *deps: dg.AssetKey, kinds: frozenset[str], pool: str | None = None
) -> Callable[[Computed], dg.AssetsDefinition]:
    """An asset of the group, made every night."""
    return dg.asset(
        key_prefix=[GROUP],
        group_name=GROUP,
        kinds=set(kinds),
        owners=["team:ml"],
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=48)),
        deps=deps,
        pool=pool,
        description=description,
    )
