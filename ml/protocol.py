"""One protocol for every model and every baseline: learn from the past, choose on what follows, be judged on the rest.

The rows are those of the training set, once for each share of clients that announce what they do. Our model learns from
all shares and both moments together, as one served model must; a baseline learns from the share and the moment that it
is tested on, which is its strongest form. Nothing is chosen on the slice that judges.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from ml.baselines import BASELINES
from ml.calibration import Fitted, calibrated
from ml.estimators import Candidate
from ml.evaluate import Interval, Labels, Metrics, Scores, measure, pr_auc_difference, pr_auc_interval
from ml.features import MOMENTS, TARGET
from ml.splits import Split, by_tenant
from ml.threshold import PRECISIONS, Threshold, choose
from ml.tune import fit, predict

SHARE: Final = "announcing"
# (moment, share) → PR-AUC
PrAucs: TypeAlias = dict[tuple[str, float], float]
OURS: Final = "ours"
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Cell:
    """One model on the rows of one moment at one share. `lead` is ours over it in PR-AUC (None: it is ours)."""

    model: str
    moment: str
    share: float
    metrics: Metrics
    interval: Interval
    lead: Interval | None
    tenants: dict[str, Metrics]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The winner on validation, fitted and calibrated, with its threshold, and every candidate's PR-AUC there."""

    candidate: Candidate
    model: Fitted
    threshold: Threshold
    validation_pr_auc: dict[str, float]


def together(frames: Mapping[float, pd.DataFrame]) -> pd.DataFrame:
    """The same edits as they look at each share, one below the other."""
    return pd.concat([frame.assign(**{SHARE: share}) for share, frame in frames.items()], ignore_index=True)


def sliced(frame: pd.DataFrame) -> Split:
    """Past, validation and the latest slice of every tenant; an edit is in the same slice at every share."""
    return by_tenant(frame)


def choose_ours(slices: Split, candidates: Sequence[Candidate], say: Say) -> Chosen:
    """Fit every candidate on the past; the best on validation is calibrated and given its threshold there."""
    labels = slices.validation[TARGET].to_numpy()
    fitted, scored = {}, {}
    for candidate in candidates:
        fitted[candidate.name] = fit(candidate, slices.train)
        scored[candidate.name] = float(
            average_precision_score(labels, predict(fitted[candidate.name], slices.validation))
        )
        say(f"{candidate.name}: PR-AUC {scored[candidate.name]:.3f} on validation")
    best = max(candidates, key=lambda candidate: scored[candidate.name])
    model = calibrated(fitted[best.name], slices.validation)
    return Chosen(best, model, choose(labels, predict(model, slices.validation)), scored)


def cells(slices: Split, ours: Chosen, say: Say) -> list[Cell]:
    """Ours and every baseline at each moment and share of the latest slice."""
    found = []
    for share in sorted(slices.holdout[SHARE].unique()):
        for moment in MOMENTS:
            past, validation, rows = (
                at(part, share, moment) for part in (slices.train, slices.validation, slices.holdout)
            )
            scores = predict(ours.model, rows)
            found.append(_cell(OURS, moment, share, rows, scores, ours.threshold.value, None))
            for name, baseline in BASELINES.items():
                # a baseline warns at its best F1 where it cannot promise what we do: it is then at its strongest
                labels, known = validation[TARGET].to_numpy(), baseline(past, validation)
                threshold = choose(labels, known, PRECISIONS[:1]).value
                theirs = baseline(past, rows)
                lead = pr_auc_difference(rows, scores, theirs)
                found.append(_cell(name, moment, share, rows, theirs, threshold, lead))
            peers = ", ".join(f"{c.model} {c.metrics['pr_auc']:.3f}" for c in found[-len(BASELINES) - 1 :])
            say(f"{moment}, {share:.0%} announced: PR-AUC {peers}")
    return found


def left_out(slices: Split, candidate: Candidate, say: Say) -> dict[str, PrAucs]:
    """Tenant → PR-AUCs on its latest slice of a model that has seen all other tenants' past alone; of one, nothing."""
    found: dict[str, PrAucs] = {}
    tenants = sorted(slices.holdout["tenant_id"].unique())
    for tenant in tenants if len(tenants) > 1 else []:
        model = fit(candidate, slices.train.loc[slices.train["tenant_id"] != tenant])
        rows = slices.holdout.loc[slices.holdout["tenant_id"] == tenant]
        found[tenant] = {
            (moment, share): _pr_auc(model, at(rows, share, moment))
            for moment in MOMENTS
            for share in sorted(rows[SHARE].unique())
        }
        say(f"without {tenant}: " + ", ".join(f"{m} {s:.0%} {v:.3f}" for (m, s), v in found[tenant].items()))
    return found


def _pr_auc(model: Fitted, rows: pd.DataFrame) -> float:
    return float(average_precision_score(rows[TARGET], predict(model, rows)))


def at(frame: pd.DataFrame, share: float, moment: str) -> pd.DataFrame:
    """The rows of one moment at one share."""
    return frame.loc[(frame[SHARE] == share) & (frame["moment"] == moment)]


def _cell(
    name: str, moment: str, share: float, rows: pd.DataFrame, scores: Scores, threshold: float, lead: Interval | None
) -> Cell:
    labels: Labels = rows[TARGET].to_numpy()
    tenants = rows["tenant_id"].to_numpy()
    return Cell(
        model=name,
        moment=moment,
        share=share,
        metrics=measure(labels, scores, threshold),
        interval=pr_auc_interval(rows, scores),
        lead=lead,
        tenants={
            str(tenant): measure(labels[tenants == tenant], scores[tenants == tenant], threshold)
            for tenant in np.unique(tenants)
        },
    )
