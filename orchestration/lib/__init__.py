"""Plain functions that the definitions call. Nothing here is a Dagster definition."""
