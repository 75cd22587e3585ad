"""A built history as a Parquet file that `foresync replay` takes, and its legend as a text file."""

from pathlib import Path

from foresync.git_history.build import Built
from foresync.replay import names


def write(built: Built, path: Path) -> None:
    """The rows, in the columns of the histories in sample_data. The same repository gives the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    moment, numbers, hashes = pa.timestamp("us", tz="UTC"), pa.list_(pa.int32()), pa.list_(pa.int64())
    types = {
        "push_id": pa.int32(), "is_merge": pa.bool_(), "user_id": pa.int32(), "entity_id": pa.int32(),
        "entity_type": pa.string(), "op": pa.string(), "edited_at": moment, "synced_at": moment,
        "client_version": pa.int32(), "server_version": pa.int32(), "fields_client": numbers, "values_client": hashes,
        "fields_server": numbers, "values_server": hashes, "both_changed": pa.bool_(), "field_collision": pa.bool_(),
        "base_push_id": pa.int32(), "applied": pa.bool_(), "n_commits": pa.int32(),
        "fields_first_at": pa.list_(moment),
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    pq.write_table(pa.Table.from_pylist(built.rows, pa.schema(types)), beside, compression="zstd")
    beside.replace(path)


def legend_beside(history: Path) -> Path:
    """Where the legend of a history lies."""
    return history.with_suffix(".legend.txt")


def legend(history: Path) -> dict[str, str]:
    """Record → file, as far as there is a legend beside the history."""
    path = legend_beside(history)
    lines = path.read_text(encoding="ascii").splitlines() if path.exists() else []
    return dict(line.split("\t", 1) for line in lines)


def write_legend(built: Built, path: Path) -> None:
    """Which file each record is. For the eyes of whoever may see the repository: it is sent nowhere."""
    lines = [
        f"{names.record(number)}\t{one.decode('ascii', errors='replace')}" for number, one in enumerate(built.paths)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
