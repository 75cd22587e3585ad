"""One training in a process of its own: both levels, every candidate, as `ml.train` does it, without a registry.

python -m bench.support.train_once TRAINING_SET.parquet SHARE_OF_HISTORY
"""

import sys
from dataclasses import replace
from pathlib import Path

from ml.announcements import at_shares
from ml.dataset import TrainingSet, load
from ml.estimators import CANDIDATES
from ml.finalists import finalists
from ml.push_level import questions
from ml.report import gather
from ml.splits import by_tenant, split
from ml.tune import best_of_each_type, tune


def main() -> None:
    path, share = Path(sys.argv[1]), float(sys.argv[2])
    dataset = load(path, days=None)
    if share < 1:  # the first part of every tenant's history
        dataset = replace(dataset, frame=by_tenant(dataset.frame, share, 0.0).train)
    for level in (dataset, replace(dataset, frame=questions(dataset.frame))):
        learn(level)


def learn(dataset: TrainingSet) -> None:
    cut = split(dataset.frame)
    slices = replace(cut, train=at_shares(cut.train))
    ranked = finalists(best_of_each_type(tune(slices.train, CANDIDATES, lambda *_: None)), slices)
    report = gather(dataset, slices, ranked)
    figures = report.chosen.holdout
    name = report.chosen.candidate.name
    print(f"{len(dataset.frame):,} rows, {name}: PR-AUC {figures['pr_auc']:.3f}, base rate {figures['base_rate']:.3f}")


if __name__ == "__main__":
    main()
