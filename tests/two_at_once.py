"""How `pytest -n 2` divides the tests: a file stays together, and what may take longest is begun first.

A worker has a PostgreSQL, and what else the whole run shares, of its own.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

ONE_PLATFORM = "tests/e2e"


class Files(LoadFileScheduling):
    """A file at a time to whoever is free, in the order in which the tests were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return ONE_PLATFORM if nodeid.startswith(ONE_PLATFORM) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Files:
    config.option.loadscopereorder = False
    return Files(config, log)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Give each operation of a fuzzed document an id of its own; pytest 9.2 has one for them all."""
    operation = getattr(item, "operation_label", None)
    if operation and operation not in item.nodeid:
        item._id = item._id.with_params(operation)  # type: ignore[attr-defined]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    ids = [item.nodeid for item in items]
    assert len(set(ids)) == len(ids), f"a worker would run the first of these alone: {sorted(_twice(ids))}"
    if hasattr(config, "workerinput"):
        dearest: Counter[Path] = Counter()
        for item in items:
            dearest[item.path] = max(dearest[item.path], _may_take(item))
        items.sort(key=lambda item: -dearest[item.path])


def _twice(ids: list[str]) -> set[str]:
    return {one for one, times in Counter(ids).items() if times > 1}


def _may_take(item: pytest.Item) -> int:
    """Seconds, as far as the test says so."""
    allowed = item.get_closest_marker("timeout")
    return int(allowed.args[0]) if allowed else int(item.get_closest_marker("slow") is not None)
