"""Everything that is said about one trained model, gathered once: the card, the runs and the manifest all quote it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ml.baselines import BASELINES
from ml.dataset import TrainingSet
from ml.evaluate import Interval, Metrics, Scores, by_group, measure, pr_auc_difference, pr_auc_interval
from ml.features import TARGET
from ml.finalists import Finalist, importances
from ml.splits import Split

OF_GROUPS: Final = ("rows", "positives", "base_rate", "pr_auc", "precision", "recall", "calibration_error")


@dataclass(frozen=True, slots=True)
class Baseline:
    """A skeptic's ranking on the same holdout, and the model's lead over it in PR-AUC."""

    scores: Scores
    metrics: Metrics
    lead: Interval


@dataclass(frozen=True, slots=True)
class Report:
    """The chosen model (first of `finalists`) on the holdout: pooled, by moment, by tenant, against baselines."""

    dataset: TrainingSet
    split: Split
    finalists: list[Finalist]
    interval: Interval
    moments: dict[str, Metrics]
    tenants: dict[str, Metrics]
    baselines: dict[str, Baseline]
    importances: dict[str, tuple[float, float]]

    @property
    def chosen(self) -> Finalist:
        """The best on validation."""
        return self.finalists[0]

    @property
    def trained_until(self) -> str:
        """ISO time; nothing received from then on took part in fitting or choosing."""
        return str(self.split.holdout_from.isoformat())

    def metrics(self) -> Metrics:
        """Flat names for a run, what is looked for first at the head: `holdout/pr_auc`,
        `holdout/moment/edit_open/recall`, `baseline/constant/pr_auc`."""
        flat = {f"holdout/{k}": self.chosen.holdout[k] for k in ("base_rate", "pr_auc") if k in self.chosen.holdout}
        flat |= {"holdout/pr_auc_low": self.interval.low, "holdout/pr_auc_high": self.interval.high}
        flat |= {f"holdout/{k}": v for k, v in self.chosen.holdout.items()}
        flat |= {f"validation/{k}": v for k, v in self.chosen.validation.items()}
        for kind, groups in (("moment", self.moments), ("tenant", self.tenants)):
            flat |= {f"holdout/{kind}/{name}/{k}": m[k] for name, m in groups.items() for k in OF_GROUPS if k in m}
        for name, baseline in self.baselines.items():
            flat |= {f"baseline/{name}/{k}": baseline.metrics[k] for k in ("pr_auc", "roc_auc")}
            flat |= {f"baseline/{name}/lead_low": baseline.lead.low, f"baseline/{name}/lead_high": baseline.lead.high}
        return flat


def gather(dataset: TrainingSet, split: Split, finalists: list[Finalist]) -> Report:
    """Measure the first finalist on the holdout in every way that the report holds."""
    chosen, holdout = finalists[0], split.holdout
    at = chosen.threshold.value
    return Report(
        dataset=dataset,
        split=split,
        finalists=finalists,
        interval=pr_auc_interval(holdout, chosen.holdout_scores),
        moments=by_group(holdout, chosen.holdout_scores, at, "moment"),
        tenants=by_group(holdout, chosen.holdout_scores, at, "tenant_id"),
        baselines=_against_baselines(split, chosen),
        importances=importances(chosen, split),
    )


def _against_baselines(split: Split, chosen: Finalist) -> dict[str, Baseline]:
    holdout = split.holdout
    labels = holdout[TARGET].to_numpy()
    scored = {name: baseline(split.train, holdout) for name, baseline in BASELINES.items()}
    return {
        name: Baseline(
            scores=scores,
            metrics=measure(labels, scores, chosen.threshold.value),
            lead=pr_auc_difference(holdout, chosen.holdout_scores, scores),
        )
        for name, scores in scored.items()
    }
