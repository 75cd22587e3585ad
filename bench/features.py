"""The features of a made-up history, in the warehouse: CPU time, memory, growth, beside a floor and two peers.

    make bench BENCH=features                             # 100,000 and 1,000,000 events
    .venv/bin/python bench/features.py --events 10000000  # 1,000,000 and 10,000,000: what the goals are set for

Each measurement is a process of its own, with its CPU time (user and system) and its greatest resident memory as the
kernel counted them; dbt's own start is in it. The day after is one more day of events, and the run that follows it.
"""

import argparse
import math
import sys
import tempfile
from pathlib import Path

from support.activity import write_lake
from support.cost import Cost, measure
from support.harness import ROOT, close

PER_DAY = 10_000
# sizes that they survive
PEERS = {"naive": 10_000, "pandas": 100_000}
MEMORY = "1GB"


def build(lake: Path) -> Cost:
    """The five features of everything in the lake, by the project's own models."""
    project = str(ROOT / "dbt_project")
    command = [str(Path(sys.executable).with_name("dbt")), "run", "--select", "+training_examples"]
    return measure(
        [*command, "--project-dir", project, "--profiles-dir", project],
        {
            "FORESYNC_LAKE_URL": lake.as_uri(),
            "FORESYNC_WAREHOUSE_PATH": str(lake / "warehouse.duckdb"),
            "FORESYNC_WAREHOUSE_MEMORY": MEMORY,
            "DBT_TARGET_PATH": str(lake / "target"),
            "DBT_LOG_PATH": str(lake / "logs"),
        },
    )


def other(name: str, lake: Path) -> Cost:
    return measure([sys.executable, "-m", "bench.support.feature_peers", name, str(lake)], {"PYTHONPATH": str(ROOT)})


def at_size(folder: Path, events: int) -> dict[str, Cost]:
    """Floor, full build, and the day after it."""
    lake = folder / str(events)
    write_lake(lake, events, per_day=PER_DAY)
    costs = {"floor": other("floor", lake), "build": build(lake)}
    write_lake(lake, events + PER_DAY, per_day=PER_DAY)
    costs["day"] = build(lake)
    for name, cost in costs.items():
        print(f"{events:>10,} {name:<8} {cost}", flush=True)
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="foresync-bench-") as name:
        folder = Path(name)
        small, large = at_size(folder, given.events // 10), at_size(folder, given.events)
        figures = {}
        for peer, events in PEERS.items():
            write_lake(folder / peer, events, per_day=PER_DAY)
            cost = other(peer, folder / peer)
            print(f"{events:>10,} {peer:<8} {cost}", flush=True)
            figures[f"{peer}_cpu_us_an_event"] = 1e6 * cost.cpu / events
    close(
        "features",
        {
            "events": given.events,
            "build_seconds": large["build"].seconds,
            "build_cpu_seconds": large["build"].cpu,
            "build_cpu_us_an_event": 1e6 * large["build"].cpu / given.events,
            "floor_cpu_seconds": large["floor"].cpu,
            "cpu_over_floor": large["build"].cpu / large["floor"].cpu,
            "peak_gigabytes": large["build"].gigabytes,
            "growth_exponent": math.log10(large["build"].cpu / small["build"].cpu),
            "day_cpu_seconds": large["day"].cpu,
            "day_over_the_same_day_at_a_tenth": large["day"].cpu / small["day"].cpu,
            **figures,
        },
        {},
        {"cpu_over_floor": 4, "peak_gigabytes": 2, "growth_exponent": 1.1, "day_over_the_same_day_at_a_tenth": 1.3},
    )


if __name__ == "__main__":
    main()
