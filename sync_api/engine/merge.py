"""Field rules that combine two values instead of choosing between two people.

Each returns `NOT_MERGEABLE` when the values are not of the kind that it understands; the policy then decides.
"""

from collections.abc import Sequence
from typing import Final

from sync_api.engine.values import Json, same


class _NotMergeable:
    def __repr__(self) -> str:
        return "NOT_MERGEABLE"


NOT_MERGEABLE: Final = _NotMergeable()


def merge_sets(base: Json, client: Json, server: Json) -> Json:
    """Lists as sets. With the base known, what either side removed stays removed; without it, the union.

    Keeps the server's order, then the client's additions in theirs.
    """
    if not isinstance(client, list) or not isinstance(server, list):
        return NOT_MERGEABLE
    if not isinstance(base, list):
        return [*server, *_without(client, server)]
    removed = [item for item in base if not _has(client, item)]
    added = [item for item in client if not _has(base, item)]
    kept = _without(server, removed)
    return [*kept, *_without(added, kept)]


def true_wins(client: Json, server: Json) -> Json:
    """Once somebody has ticked the box, it stays ticked."""
    if not isinstance(client, bool) or not isinstance(server, bool):
        return NOT_MERGEABLE
    return client or server


def further(order: Sequence[str], client: Json, server: Json) -> Json:
    """The value that is further along the declared order."""
    if client not in order or server not in order:
        return NOT_MERGEABLE
    return max(client, server, key=order.index)


def greater(client: Json, server: Json) -> Json:
    """The greater of two numbers, or of two texts (ISO dates compare as text)."""
    return max(client, server) if _comparable(client, server) else NOT_MERGEABLE


def lesser(client: Json, server: Json) -> Json:
    """The lesser of two numbers or texts."""
    return min(client, server) if _comparable(client, server) else NOT_MERGEABLE


def _comparable(a: Json, b: Json) -> bool:
    def number(value: Json) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool)

    return (number(a) and number(b)) or (isinstance(a, str) and isinstance(b, str))


def _has(items: Sequence[Json], wanted: Json) -> bool:
    return any(same(item, wanted) for item in items)


def _without(items: Sequence[Json], unwanted: Sequence[Json]) -> list[Json]:
    return [item for item in items if not _has(unwanted, item)]
