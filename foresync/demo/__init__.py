"""The demo: a real edit history through sync, ingest, dbt, training, promotion and prediction, every part real.

It speaks to the parts as a user would: HTTP to the two servers, GraphQL to Dagster. Not here: starting the platform.
"""

from foresync.demo.story import SAMPLE, run

__all__ = ["SAMPLE", "run"]
