"""The features of a made-up history, in the warehouse: CPU time, memory, growth, beside a floor and two peers.

    make bench BENCH=features                             # 100,000 and 1,000,000 events
    .venv/bin/python bench/features.py --events 10000000  # 1,000,000 and 10,000,000: what the goals are set for

Two sets: the five features of the first contract with all that they come from, which the goals are about, and
everything that training reads. Each measurement is a process of its own, with its CPU time (user and system) and its
greatest resident memory as the kernel counted them; dbt's own start is in it, the project is parsed before. The day
after is one more day of events, and the run that follows it.
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
# of the engine, floor and features alike; what it takes beside has to fit into 2 GB as well
MEMORY = "1.4GB"
SETS = {"five": "+int_moment_five", "all": "+training_examples"}


def dbt(command: list[str], lake: Path, features: str) -> Cost:
    project = str(ROOT / "dbt_project")
    return measure(
        [str(Path(sys.executable).with_name("dbt")), *command, "--project-dir", project, "--profiles-dir", project],
        {
            "FORESYNC_LAKE_URL": lake.as_uri(),
            "FORESYNC_WAREHOUSE_PATH": str(lake / f"{features}.duckdb"),
            "FORESYNC_WAREHOUSE_MEMORY": MEMORY,
            "DBT_TARGET_PATH": str(lake / f"{features}-target"),
            "DBT_LOG_PATH": str(lake / "logs"),
        },
    )


def build(lake: Path, features: str) -> Cost:
    """One set of features of everything in the lake that its warehouse has not yet, by the project's own models."""
    return dbt(["run", "--select", SETS[features]], lake, features)


def other(name: str, lake: Path) -> Cost:
    return measure(
        [sys.executable, "-m", "bench.support.feature_peers", name, str(lake)],
        {"PYTHONPATH": str(ROOT), "FORESYNC_WAREHOUSE_MEMORY": MEMORY},
    )


def at_size(folder: Path, events: int) -> dict[str, Cost]:
    """Floor, full builds, and the day after them."""
    lake = folder / str(events)
    costs: dict[str, Cost] = {}

    def measured(name: str, cost: Cost) -> None:
        print(f"{events:>10,} {name:<8} {cost}", flush=True)
        costs[name] = cost

    write_lake(lake, events, per_day=PER_DAY)
    measured("floor", other("floor", lake))
    for number, features in enumerate(SETS):
        # once for all runs, as the platform does when it starts
        dbt(["parse"], lake, features)
        held = events + number * PER_DAY
        measured(features, build(lake, features))
        write_lake(lake, held + PER_DAY, per_day=PER_DAY, held=held)
        measured(f"{features} day", build(lake, features))
    return costs


def figures_of(features: str, small: dict[str, Cost], large: dict[str, Cost]) -> dict[str, float]:
    whole, day = large[features], large[f"{features} day"]
    return {
        f"{features}_seconds": whole.seconds,
        f"{features}_cpu_seconds": whole.cpu,
        f"{features}_cpu_over_floor": whole.cpu / large["floor"].cpu,
        f"{features}_peak_gigabytes": max(whole.gigabytes, day.gigabytes),
        f"{features}_growth_exponent": math.log10(whole.cpu / small[features].cpu),
        f"{features}_day_cpu_seconds": day.cpu,
        f"{features}_day_over_the_same_day_at_a_tenth": day.cpu / small[f"{features} day"].cpu,
    }


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
            "floor_cpu_seconds": large["floor"].cpu,
            "floor_growth_exponent": math.log10(large["floor"].cpu / small["floor"].cpu),
            **{key: value for features in SETS for key, value in figures_of(features, small, large).items()},
            **figures,
        },
        {},
        {
            "five_cpu_over_floor": 4,
            "five_peak_gigabytes": 2,
            "five_growth_exponent": 1.1,
            "five_day_over_the_same_day_at_a_tenth": 1.3,
        },
    )


if __name__ == "__main__":
    main()
