"""How good are the models on real edit histories? One protocol, every baseline, both levels, every moment.

    make bench BENCH=models                                         # on the sample that comes with the project
    FORESYNC_HISTORIES=FOLDER make bench BENCH=models               # on every history (*.parquet) of a folder
    .venv/bin/python bench/models.py --histories FOLDER --page docs/model-quality.md

The histories keep their own times; the engine's rules decide every change, and the project's dbt models compute every
feature, for each share of clients that announce. What was built is kept under FORESYNC_HOME/bench/models, so that only
a change of histories, rules or models builds it anew. The page is written where --page says; by default beside what
is kept.
"""

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
from support.harness import ROOT, close
from support.history_features import Made, make
from support.measured import Level, Measured
from support.model_page import write_page
from support.waiting import waiting

from ml import protocol
from ml.ablation import ablation, states
from ml.dataset import TrainingSet, load
from ml.estimators import CANDIDATES
from ml.push_level import questions

SHARES = (0.0, 0.5, 1.0)
SAMPLE = ROOT / "sample_data"
# The last of each kind: which settings are best is a matter of hundredths, and of `ml.tune`. No forest: as good as
# boosting within a hundredth (docs/adr/0015), at ten times the cost, and everything here is fitted many times.
KINDS = tuple({c.model_type: c for c in CANDIDATES if c.model_type != "random_forest"}.values())
STARTED = time.perf_counter()


def say(line: str) -> None:
    print(f"{time.perf_counter() - STARTED:5.0f} s  {line}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=Path, default=Path(os.environ.get("FORESYNC_HISTORIES", SAMPLE)),
                        help="a folder of them; default: $FORESYNC_HISTORIES, else the project's sample")  # fmt: skip
    parser.add_argument("--page", type=Path, help="where to write the page")
    given = parser.parse_args()
    home = Path(os.environ.get("FORESYNC_HOME", ROOT / ".foresync")) / "bench" / "models"
    histories = sorted(given.histories.glob("*.parquet"))
    if not histories:
        raise SystemExit(f"{given.histories}: no history (*.parquet) there")
    made = make(histories, SHARES, home, say)
    records = {share: load(path, days=None) for share, path in made.sets.items()}
    measured = Measured(records[1.0], [level("record", records), level("push", questions_of(records), made)])
    path = given.page or home / "model-quality.md"
    write_page(path, measured)
    say(f"written: {path}")
    close(
        "models",
        measured.figures(),
        {"least_lead_over_a_baseline": 0.0, "least_gain_over_the_peer": 1.15, "averted_share": 0.30},
        {"warnings_per_averted": 5.0},
    )


def questions_of(records: dict[float, TrainingSet]) -> dict[float, TrainingSet]:
    return {share: replace(one, frame=questions(one.frame)) for share, one in records.items()}


def level(name: str, sets: dict[float, TrainingSet], made: Made | None = None) -> Level:
    """Everything that is measured of one level; a simulation where `made` says whom conflicts were with."""
    slices = protocol.sliced(protocol.together({share: one.frame for share, one in sets.items()}))
    say(f"{name} level: {len(slices.train):,} rows to learn from, {len(slices.holdout):,} to be judged on")
    ours = protocol.choose_ours(slices, KINDS, say)
    return Level(
        name=name,
        slices=slices,
        ours=ours,
        cells=protocol.cells(slices, ours, say),
        left_out=protocol.left_out(slices, ours.candidate, say),
        ablation=ablation(slices, ours.candidate, say),
        states=states(slices, share=max(SHARES)),
        waiting=waiting(slices, ours, pd.read_parquet(made.causes), say) if made else [],
    )


if __name__ == "__main__":
    main()
