"""The pictures of what is watched: quality over the days, drift by feature. Figures in, nothing saved."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from ml.monitoring import LIMITS
from ml.plots import COLOURS, FAINT, INK, canvas, finish

SHOWN = ("precision", "recall", "pr_auc")


def quality_over_time(pooled: pd.DataFrame) -> Figure:
    """Precision, recall and PR-AUC with their intervals, and the base rate, a point a day."""
    figure, axes = canvas(f"Quality over {LIMITS.window_days} days, day by day", "", "")
    days = pd.to_datetime(pooled["day"])
    for name, colour in zip(SHOWN, COLOURS, strict=False):
        axes.plot(days, pooled[name], "o-", color=colour, label=name.replace("_", "-"), markersize=3)
        low, high = (pooled[f"{name}_{end}"].astype(float) for end in ("low", "high"))
        axes.fill_between(days, low, high, color=colour, alpha=0.12, linewidth=0)
    axes.plot(days, pooled["base_rate"], color=INK, linestyle="--", label="base rate")
    axes.set_ylim(0, None)
    figure.autofmt_xdate()
    return finish(figure, axes)


def drift_bars(latest: pd.DataFrame) -> Figure:
    """The index of each feature on one day, what chance alone may reach, and the limit."""
    figure, axes = canvas("How far the inputs have moved since training", "population stability index", "")
    ordered = latest.sort_values("psi")
    colours = [COLOURS[1] if moved else COLOURS[0] for moved in ordered["has_drifted"]]
    axes.barh(ordered["feature"], ordered["psi"], color=colours)
    axes.plot(ordered["chance"], ordered["feature"], "|", color=INK, markersize=10, label="chance alone stays below")
    axes.axvline(LIMITS.psi, color=FAINT, linestyle="--", label=f"limit ({LIMITS.psi})")
    return finish(figure, axes)
