"""What training costs on real histories: seconds, CPU, memory, and how they grow with the history.

    make bench BENCH=train                                # on the sample that comes with the project
    FORESYNC_HISTORIES=FOLDER make bench BENCH=train      # on every history (*.parquet) of a folder

A training is a process of its own: both levels, every candidate on every fold, the winners calibrated, measured and
explained, as a retraining does it, without the registry. Half of the clients announce. The training set is the one that
`BENCH=models` makes and keeps.
"""

import math
import os
import sys
from pathlib import Path

from support.cost import measure
from support.harness import ROOT, close
from support.history_features import make

SHARE = 0.5
PARTS = (0.25, 0.5, 1.0)


def main() -> None:
    folder = Path(os.environ.get("FORESYNC_HISTORIES", ROOT / "sample_data"))
    home = Path(os.environ.get("FORESYNC_HOME", ROOT / ".foresync")) / "bench" / "models"
    made = make(sorted(folder.glob("*.parquet")), [SHARE], home, print)
    costs = {}
    for part in PARTS:
        command = [sys.executable, "-m", "bench.support.train_once", str(made.sets[SHARE]), str(part)]
        costs[part] = measure(command, {"PYTHONPATH": str(ROOT)})
        print(f"{part:>5.0%} of every history {costs[part]}", flush=True)
    close(
        "train",
        {
            "seconds": costs[1.0].seconds,
            "cpu_seconds": costs[1.0].cpu,
            "peak_gigabytes": costs[1.0].gigabytes,
            "growth_exponent": math.log2(costs[1.0].cpu / costs[0.5].cpu),
            "growth_exponent_before": math.log2(costs[0.5].cpu / costs[0.25].cpu),
        },
        {},
        {"seconds": 600, "peak_gigabytes": 4, "growth_exponent": 1.15},
    )


if __name__ == "__main__":
    main()
