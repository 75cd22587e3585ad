"""Online = offline: what `fct_prediction_parity` found. What follows from it is the check's business."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from orchestration.lib.warehouse import reading

COUNTS = """
SELECT
  count(DISTINCT (tenant_id, prediction_id)) FILTER (state = 'compared'),
  count(DISTINCT (tenant_id, prediction_id)) FILTER (is_different),
  count(DISTINCT (tenant_id, prediction_id)) FILTER (state = 'not_held_yet'),
  count(DISTINCT (tenant_id, prediction_id)) FILTER (state = 'held_in_part'),
  coalesce(max(relative_difference) FILTER (state = 'compared'), 0)
FROM monitoring.fct_prediction_parity
"""
WORST = """
SELECT tenant_id, prediction_id, asked_at, as_of_seq, feature, online_value, offline_value, relative_difference
FROM monitoring.fct_prediction_parity WHERE is_different
ORDER BY relative_difference DESC, tenant_id, asked_at, prediction_id, feature LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """A feature that an answer was given on, and what the warehouse makes of it; relative to the larger of the two."""

    tenant_id: str
    prediction_id: str
    asked_at: datetime
    as_of_seq: int
    feature: str
    online: float | None
    offline: float | None
    relative: float


@dataclass(frozen=True, slots=True)
class Parity:
    """Predictions by what came of comparing them; `largest` is the largest relative difference, noise included."""

    compared: int
    different: int
    not_held_yet: int
    held_in_part: int
    largest: float
    worst: tuple[Difference, ...]


def read(warehouse: Path, *, worst: int = 20) -> Parity:
    """The counts, and the `worst` largest differences."""
    with reading(warehouse) as connection:
        ((compared, different, not_held_yet, held_in_part, largest),) = connection.execute(COUNTS).fetchall()
        differences = tuple(Difference(*row) for row in connection.execute(WORST, [worst]).fetchall())
    return Parity(compared, different, not_held_yet, held_in_part, largest, differences)


def words(found: Parity) -> str:
    """What the counts come to, in a sentence."""
    if not found.compared:
        return "nothing to compare yet"
    if found.different:
        return f"{found.different} of {found.compared} predictions were given on other features than the warehouse's"
    return f"{found.compared} predictions were given on the features that the warehouse works out"
