"""Marts handed back to the operational database, for the sync API to read. How is `lib.publish`."""

from datetime import timedelta

import dagster as dg

from orchestration.lib.publish import PUBLICATIONS, Publication, publish
from orchestration.lib.warehouse import json_rows_by_tenant
from orchestration.settings import settings


def _published(publication: Publication) -> dg.AssetsDefinition:
    @dg.asset(
        key=["published", publication.name],
        deps=[dg.AssetKey(["marts", publication.mart])],
        group_name="publishing",
        description=publication.description,
        kinds={"postgres"},
        owners=["team:data"],
        pool="duckdb",
        # also when somebody rebuilds the mart alone; acts once the automation sensor is switched on
        automation_condition=dg.AutomationCondition.eager(),
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=48)),
        retry_policy=dg.RetryPolicy(
            max_retries=3, delay=2, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
        ),
    )
    def published() -> dg.MaterializeResult[None]:
        batches = json_rows_by_tenant(settings().warehouse_path, publication.mart, publication.json_columns)
        written = publish(settings().publish_database_url, publication, batches)
        return dg.MaterializeResult(metadata={"dagster/row_count": written})

    return published


@dg.definitions
def publications() -> dg.Definitions:
    return dg.Definitions(assets=[_published(publication) for publication in PUBLICATIONS])
