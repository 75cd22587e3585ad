"""The pictures of a training: precision-recall, ROC, calibration, confusion, importance. Figures in, nothing saved."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from ml.evaluate import CALIBRATION_BINS, Labels, Metrics, Scores, at_threshold

INK = "#1f2933"
FAINT = "#cbd2d9"
COLOURS = ("#0b6e99", "#d9730d", "#6940a5", "#0f7b6c")


def precision_recall(labels: Labels, scores: Mapping[str, Scores], chosen: str, threshold: float) -> Figure:
    """Every curve on one holdout, the base rate, and the point at which the chosen model warns."""
    figure, axes = canvas("Precision and recall on the holdout", "recall", "precision")
    for (name, values), colour in zip(scores.items(), COLOURS, strict=False):
        precision, recall, _ = precision_recall_curve(labels, values)
        label = f"{name} ({average_precision_score(labels, values):.3f})"
        axes.step(recall[:-1], precision[:-1], where="post", color=colour, label=label, linewidth=1.8)
    base = float(labels.mean())
    axes.axhline(base, color=FAINT, linestyle="--", label=f"base rate ({base:.3f})")
    here = at_threshold(labels, scores[chosen], threshold)
    axes.plot(here["recall"], here["precision"], "o", color=INK, label=f"threshold {threshold:.2f}")
    return finish(figure, axes)


def roc(labels: Labels, scores: Mapping[str, Scores]) -> Figure:
    """Every curve on one holdout, and the diagonal of guessing."""
    figure, axes = canvas("ROC on the holdout", "false positive rate", "true positive rate")
    for (name, values), colour in zip(scores.items(), COLOURS, strict=False):
        false, true, _ = roc_curve(labels, values)
        axes.plot(false, true, color=colour, label=f"{name} ({roc_auc_score(labels, values):.3f})", linewidth=1.8)
    axes.plot([0, 1], [0, 1], color=FAINT, linestyle="--", label="guessing (0.500)")
    return finish(figure, axes)


def calibration(labels: Labels, scores: Scores) -> Figure:
    """Score against frequency over bins of equally many rows, with the standard error of each frequency."""
    figure, axes = canvas("Does a score of 10 % mean 10 %?", "mean score", "share that conflicted")
    bins = [rows for rows in np.array_split(np.argsort(scores, kind="stable"), CALIBRATION_BINS) if len(rows)]
    said = np.array([scores[rows].mean() for rows in bins])
    came = np.array([labels[rows].mean() for rows in bins])
    error = np.sqrt(came * (1 - came) / np.array([len(rows) for rows in bins]))
    top = 1.15 * max(float(said.max()), float((came + error).max()), 1e-3)
    axes.plot([0, top], [0, top], color=FAINT, linestyle="--", label="perfect")
    axes.errorbar(said, came, yerr=error, fmt="o-", color=COLOURS[0], capsize=3, label="tenths of the holdout")
    axes.set(xlim=(0, top), ylim=(0, top))
    return finish(figure, axes)


def confusion(labels: Labels, scores: Scores, threshold: float) -> Figure:
    """Counts of warned and not warned against what happened."""
    figure, axes = canvas(f"Warning at {threshold:.2f}: what happened", "", "")
    warned = scores >= threshold
    counts = np.array([[(warned == w)[labels == c].sum() for w in (False, True)] for c in (False, True)])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.55 else INK
        text = f"{count:,}\n{shares[row, column]:.1%}"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=12)
    axes.set_xticks([0, 1], ["not warned", "warned"])
    axes.set_yticks([0, 1], ["no conflict", "conflict"])
    axes.grid(False)
    return finish(figure, axes, legend=False)


def importance(drops: Mapping[str, tuple[float, float]]) -> Figure:
    """Permutation importance: how much PR-AUC falls (mean, standard deviation) when a feature is shuffled."""
    figure, axes = canvas("What the model leans on", "fall of PR-AUC when shuffled", "")
    ordered = sorted(drops.items(), key=lambda item: item[1][0])
    means, spreads = [drop for _, (drop, _) in ordered], [spread for _, (_, spread) in ordered]
    axes.barh([name for name, _ in ordered], means, xerr=spreads, color=COLOURS[0], ecolor=INK, capsize=3)
    axes.axvline(0, color=INK, linewidth=0.8)
    return finish(figure, axes, legend=False)


def by_group(groups: Mapping[str, Metrics]) -> Figure:
    """PR-AUC beside the base rate for each group that holds both classes."""
    figure, axes = canvas("PR-AUC against the base rate", "PR-AUC", "")
    shown = {name: metrics for name, metrics in groups.items() if "pr_auc" in metrics}
    places = np.arange(len(shown))
    axes.barh(places, [m["pr_auc"] for m in shown.values()], 0.5, color=COLOURS[0], label="PR-AUC")
    axes.plot(
        [m["base_rate"] for m in shown.values()], places, "|", color=COLOURS[1], markersize=26, markeredgewidth=2.5
    )
    axes.plot([], [], "|", color=COLOURS[1], markersize=10, markeredgewidth=2.5, label="base rate")
    axes.set_yticks(places, [f"{name}\n{m['positives']:.0f} of {m['rows']:.0f}" for name, m in shown.items()])
    return finish(figure, axes)


def canvas(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7, 5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", color=INK, fontweight="bold")
    axes.set(xlabel=x, ylabel=y)
    axes.grid(color=FAINT, alpha=0.4)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def finish(figure: Figure, axes: Axes, *, legend: bool = True) -> Figure:
    if legend:
        axes.legend(frameon=False, fontsize=9)
    return figure
