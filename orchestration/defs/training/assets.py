"""The training set, and the challenger trained on it. How one trains is `ml.train`."""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from orchestration.lib import warehouse
from orchestration.lib.dbt_facts import column_meanings
from orchestration.lib.lake import Lake
from orchestration.lib.metadata import table_facts
from orchestration.lib.models import outcome_facts
from orchestration.lib.provenance import git_commit
from orchestration.lib.trainings import REASON
from orchestration.prepare import manifest
from orchestration.settings import settings


@dg.asset(
    deps=[dg.AssetKey(["features", "training_examples"])],
    group_name="training",
    description="Every (event, moment) with its features and what then happened, as one Parquet file for `ml`.",
    kinds={"duckdb", "parquet"},
    owners=["team:ml"],
    pool="duckdb",
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=48)),
)
def training_set() -> dg.MaterializeResult[None]:
    made = warehouse.export_training_set(settings().warehouse_path, Lake.at(settings().lake_url).training_file)
    meanings = column_meanings(manifest(), "training_examples")
    return dg.MaterializeResult(
        metadata={
            **table_facts(made.schema, made.rows, meanings),
            "path": dg.MetadataValue.path(made.path),
            "sha256": made.sha256,
            "events": made.events,
            "conflicted_events": made.conflicted_events,
            "announced_rows": made.announced_rows,
            **({} if made.base_rate is None else {"base_rate": made.base_rate}),
        }
    )


@dg.asset(
    deps=[training_set],
    group_name="training",
    description="The best candidate of a training, registered as `conflict_predictor@challenger`. With fewer events "
    "than a training takes it is not made, and what follows from it is skipped.",
    kinds={"mlflow", "scikitlearn"},
    owners=["team:ml"],
    output_required=False,
    # whoever launches two has them one after the other
    pool="training",
)
def challenger(context: dg.AssetExecutionContext) -> Iterator[dg.AssetObservation | dg.MaterializeResult[None]]:
    from ml import dataset, train

    outcome = train.train(
        dataset.load(Lake.at(settings().lake_url).training_file),
        git_commit=git_commit(),
        dagster_run_id=context.run.run_id,
        reason=context.run.tags.get(REASON),
        on_progress=context.log.info,
    )
    facts = outcome_facts(outcome)
    if outcome.version is None:
        context.log.warning(f"{outcome.state}: {outcome.detail}")
        yield dg.AssetObservation(context.asset_key, description=outcome.detail, metadata=facts)
    else:
        yield dg.MaterializeResult(metadata={"dagster/row_count": outcome.event_count, **facts})
