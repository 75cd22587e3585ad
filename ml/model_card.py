"""The model card: one Markdown page about one version, for the person who has to decide whether to trust it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from ml.evaluate import Metrics
from ml.features import FEATURE_SET, FEATURES
from ml.report import Report

ROOM = "\u00a0" * 2
COLUMNS = (
    ("rows", "{:,.0f}"),
    ("positives", "{:,.0f}"),
    ("base_rate", "{:.3f}"),
    ("pr_auc", "{:.3f}"),
    ("roc_auc", "{:.3f}"),
    ("precision", "{:.2f}"),
    ("recall", "{:.2f}"),
    ("precision_at_recall_60", "{:.2f}"),
    ("recall_at_precision_70", "{:.2f}"),
    ("warnings_per_100_edits", "{:.1f}"),
)


def model_card(report: Report, pushes: Report | None, *, git_commit: str) -> str:
    """The card as Markdown. `pushes`: the level of whole pushes, where it was learnt."""
    sections = (
        ("Will this edit end in a conflict?", _summary(report)),
        ("Holdout", _holdout(report)),
        ("Whole pushes", _pushes(pushes)),
        ("Against what a skeptic would try", _baselines(report)),
        ("Threshold", _threshold(report)),
        ("Data", _data(report)),
        ("Made with", _recipe(report, git_commit)),
        ("Limits", _limits(report)),
        ("Features", _features()),
    )
    return "\n\n".join(f"## {title}\n\n{body}" for title, body in sections) + "\n"


def _summary(report: Report) -> str:
    chosen = report.chosen
    return (
        f"A {chosen.candidate.model_type.replace('_', ' ')} that answers, when an edit begins (`edit_start`) and while "
        f"it is open (`edit_open`), with the probability that its change will collide with somebody else's. On the "
        f"latest slice of time, which it never saw: PR-AUC **{chosen.holdout['pr_auc']:.3f}** "
        f"({report.interval.low:.3f} to {report.interval.high:.3f}) where guessing has "
        f"{chosen.holdout['base_rate']:.3f}."
    )


def _holdout(report: Report) -> str:
    rows = {"all": report.chosen.holdout, **report.moments, **report.tenants}
    header = ["slice", *(name.replace("_", " ") for name, _ in COLUMNS)]
    return _table(header, ([name, *_cells(metrics)] for name, metrics in rows.items()))


def _pushes(pushes: Report | None) -> str:
    if pushes is None:
        return "There were too few to learn from: a batch is answered record by record alone."
    threshold = pushes.chosen.threshold
    return (
        f"Will any record of the push collide? `{pushes.chosen.candidate.name}`, PR-AUC "
        f"**{pushes.chosen.holdout['pr_auc']:.3f}** ({pushes.interval.low:.3f} to {pushes.interval.high:.3f}), warns "
        f"from {threshold.value:.3f} on ({threshold.reason}).\n\n{_holdout(pushes)}\n\n{_baselines(pushes)}"
    )


def _baselines(report: Report) -> str:
    rows = [
        [name.replace("_", " "), f"{b.metrics['pr_auc']:.3f}", f"{b.lead.low:+.3f} to {b.lead.high:+.3f}"]
        for name, b in report.baselines.items()
    ]
    rows += [
        [other.candidate.name, f"{other.holdout['pr_auc']:.3f}", "another candidate"] for other in report.finalists[1:]
    ]
    return _table(["ranking", "PR-AUC", "lead of this model (95 %, by push)"], rows)


def _threshold(report: Report) -> str:
    threshold = report.chosen.threshold
    return (
        f"Warns from **{threshold.value:.3f}** on: {threshold.reason}. Risk is medium from {threshold.medium:.3f} on. "
        f"Both are chosen on the validation slice only. The product's aim is precision above 0.7 at a recall above 0.6."
    )


def _data(report: Report) -> str:
    dataset, split = report.dataset, report.split
    parts = (("train", split.train), ("validation", split.validation), ("holdout", split.holdout))
    table = _table(
        ["slice", "rows", "conflicts", "received from", "to"],
        ([n, f"{len(f):,}", f"{f['conflict_occurred'].sum():,}", _day(f, "min"), _day(f, "max")] for n, f in parts),
    )
    mapped = (
        "\n\n**Demo**: the history's times were mapped onto a window, which turns minutes into hours. Serves only "
        f"{', '.join(dataset.demo_tenants)}."
        if dataset.demo_tenants
        else ""
    )
    return (
        f"{dataset.event_count:,} events, digest `{dataset.digest}`. Divided by the time at which a push was received; "
        f"a push is never torn. {dataset.instant_rows:,} rows of edits that were received at the moment they began are "
        f"left out: there was no time to warn.\n\n{table}{mapped}"
    )


def _features() -> str:
    return (
        f"Feature set `{FEATURE_SET}`: the {len(FEATURES)} inputs of the schema. Units, defaults and what each means "
        "are in the manifest of the compiled model (`runtime/manifest.json`)."
    )


def _recipe(report: Report, git_commit: str) -> str:
    chosen = report.chosen
    return (
        f"`{chosen.candidate.name}`, fitted on the training slice; settings chosen on expanding folds inside it, the "
        f"model type by PR-AUC on validation ({chosen.validation['pr_auc']:.3f}). Code at `{git_commit}`. "
        f"Trained until {report.trained_until}."
    )


def _limits(report: Report) -> str:
    return (
        "A score is a chance, not a verdict: before a push, the pre-flight check answers exactly. Edits of people who "
        "announce nothing are seen late. A warning that is heeded erases its own label. The latest slice may differ "
        f"from the next: {report.chosen.holdout['positives']:.0f} conflicts are what these figures rest on."
    )


def _cells(metrics: Metrics) -> list[str]:
    return [form.format(metrics[name]) if name in metrics else "-" for name, form in COLUMNS]


def _day(frame: pd.DataFrame, which: str) -> str:
    return f"{frame['received_at'].agg(which):%Y-%m-%d}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    # the registry's page sets cells side by side without any room between them
    spaced = [[cell + ROOM for cell in cells] for cells in (header, *rows)]
    lines = [spaced[0], ["---"] * len(header), *spaced[1:]]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
