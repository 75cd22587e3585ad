"""Cutting the steps into requests: as many as may go at once, and none that needs an answer still outstanding."""

from collections.abc import Callable, Iterable, Iterator

from foresync.replay.plan import Step

MOST_ITEMS = 500  # what the server takes in one request
MOST_CHANGES = 2000  # keeps the longest request to a second or so


def requests(
    steps: Iterable[Step], answered: Callable[[], int], is_due: Callable[[Step], bool]
) -> Iterator[list[Step]]:
    """Yield requests in order; each must be answered before the next is asked for.

    `answered` says for how many pushes, from the first, the versions are known; `is_due` whether a step's time has
    come: one that is not due begins the next request, for whoever sends it to wait.
    """
    request: list[Step] = []
    changes = 0
    for step in steps:
        is_full = len(request) == MOST_ITEMS or changes + step.changes > MOST_CHANGES
        if request and (is_full or step.newest_base >= answered() or not is_due(step)):
            yield request
            request, changes = [], 0
        request.append(step)
        changes += step.changes
    if request:
        yield request
