"""Facts about data in the form that Dagster shows: column schemas, row counts, tables in Markdown."""

import base64
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.figure import Figure


def table_facts(schema: "pa.Schema", rows: int, meanings: Mapping[str, str]) -> dict[str, Any]:
    """Row count and column schema of an Arrow table; what its columns mean, as far as that is known."""
    columns = [dg.TableColumn(field.name, str(field.type), description=meanings.get(field.name)) for field in schema]
    return {"dagster/row_count": rows, "dagster/column_schema": dg.TableSchema(columns=columns)}


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> dg.MarkdownMetadataValue:
    """A table as the UI renders it."""
    lines = [header, ["---"] * len(header), *rows]
    return dg.MetadataValue.md("\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines))


def figures(numbers: Mapping[str, float]) -> dict[str, float]:
    """Numbers as metadata; those that are not finite are left out, Dagster's storage has no place for them."""
    return {name: float(value) for name, value in numbers.items() if abs(value) != float("inf") and value == value}


def picture(figure: "Figure", says: str) -> dg.MarkdownMetadataValue:
    """A figure, drawn where the metadata is shown: nothing is stored beside it."""
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=80)
    return dg.MetadataValue.md(f"![{says}](data:image/png;base64,{base64.b64encode(drawn.getvalue()).decode()})")
