"""Names of events: in the order of their time, and never given twice."""

import multiprocessing
import random
import time
import uuid

from sync_api import ids


def test_an_id_is_a_uuid_7_of_now() -> None:
    before = time.time_ns() // 1_000_000
    name = uuid.UUID(ids.uuid7())
    assert (name.version, name.variant) == (7, uuid.RFC_4122)
    assert before <= name.int >> 80 <= time.time_ns() // 1_000_000


def test_ids_are_distinct_and_in_the_order_of_time() -> None:
    earlier = [ids.uuid7() for _ in range(20_000)]
    time.sleep(0.002)
    later = [ids.uuid7() for _ in range(20_000)]
    assert len({*earlier, *later}) == 40_000
    assert max(earlier) < min(later)


def test_nobody_elses_seed_brings_an_id_back() -> None:
    random.seed(7)
    first = ids.uuid7()[14:]
    random.seed(7)
    assert ids.uuid7()[14:] != first


def _random_parts(_: int) -> list[str]:
    return [ids.uuid7()[14:] for _ in range(2000)]  # without the time


def test_forked_processes_do_not_share_ids() -> None:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        parts = pool.map(_random_parts, range(6), chunksize=1)
    assert len({part for found in parts for part in found}) == 12_000
