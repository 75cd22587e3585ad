"""Small histories by hand, and slices of the sample."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from foresync.replay.history import Edit, History, Push

SAMPLE = Path(__file__).parents[2] / "sample_data" / "jupyter__notebook.parquet"


def edit(
    entity: int,
    base: int,
    raised_to: int,
    *,
    op: str = "update",
    at: int = 0,
    fields: tuple[int, ...] = (0,),
    value: int = 1,
    first_at: tuple[int, ...] | None = None,
) -> Edit:
    """An edit that sets each of `fields` to `value`, all touched at `at` unless told."""
    times = first_at or (at,) * len(fields)
    return Edit(entity, "source", op, at, base, raised_to, fields, (value,) * len(fields), times)


def push(number: int, at: int, *edits: Edit, user: int = 0, is_merge: bool = False) -> Push:
    return Push(number, user, is_merge, at, edits)


def history(*pushes: Push) -> History:
    return History("d" * 64, list(pushes))


def slice_of_sample(folder: Path, changes: int) -> Path:
    """The sample's first pushes, about `changes` changes in all, as a file of its own."""
    table = pq.read_table(SAMPLE)
    last = table["push_id"][changes].as_py()
    path = folder / "jupyter__notebook.parquet"
    pq.write_table(table.filter(pc.less(table["push_id"], pa.scalar(last, pa.int32()))), path)
    return path
