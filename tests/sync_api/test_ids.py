"""Names of events: in the order of their time, and never given twice."""

import random
import subprocess
import sys
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


# In a process of its own: one that has threads, as that of the tests has, may not be forked.
FORKED = """
import multiprocessing
from sync_api import ids

def random_parts(told):
    told.send([ids.uuid7()[14:] for _ in range(6000)])  # without the time

forked = multiprocessing.get_context("fork")
parts = []
ids.uuid7()
for _ in range(2):
    ours, theirs = forked.Pipe(duplex=False)
    forked.Process(target=random_parts, args=(theirs,)).start()
    parts += ours.recv()
print(len(set(parts)))
"""


def test_forked_processes_do_not_share_ids() -> None:
    told = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.strip() == "12000"
