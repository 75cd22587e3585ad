"""The days that the raw tables are cut into."""

from datetime import date, timedelta

import dagster as dg

from orchestration.settings import PartitionSettings

# from the platform's first day to today, which is not over yet
DAYS = dg.DailyPartitionsDefinition(start_date=PartitionSettings().first_day.isoformat(), timezone="UTC", end_offset=1)


def window_of(keys: dg.PartitionKeyRange) -> tuple[date, date]:
    """(first day, day after the last) of a range of partition keys."""
    return date.fromisoformat(keys.start), date.fromisoformat(keys.end) + timedelta(days=1)
