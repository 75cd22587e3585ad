"""sklearn in one thread: on a busy machine its own wait for each other longer than these models take to fit."""

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    with threadpool_limits(1, user_api="openmp"):
        yield
