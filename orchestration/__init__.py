"""Dagster: ingest, dbt, training, promotion, publishing, monitoring. Assets are thin: they call `ml` and dbt."""
