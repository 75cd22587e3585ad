"""The page on model quality: what was measured, as tables, in the words of `model_quality.md`."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template

from support.measured import Level, Measured

from ml import simulation
from ml.ablation import ALL, NOTHING
from ml.baselines import PEER
from ml.evaluate import RESAMPLES
from ml.features import FEATURE_SET, FEATURES, MOMENTS
from ml.monotone import RISING
from ml.protocol import OURS, Cell

WORDS = Template(Path(__file__).with_name("model_quality.md").read_text(encoding="utf-8"))
COLUMNS = (
    ("ROC", "roc_auc", "{:.3f}"),
    ("Brier", "brier", "{:.4f}"),
    ("cal.", "calibration_error", "{:.3f}"),
    ("P@R.3", "precision_at_recall_30", "{:.2f}"),
    ("P@R.6", "precision_at_recall_60", "{:.2f}"),
    ("R@P.5", "recall_at_precision_50", "{:.2f}"),
    ("R@P.7", "recall_at_precision_70", "{:.2f}"),
    ("P", "precision", "{:.2f}"),
    ("R", "recall", "{:.2f}"),
    ("F1", "f1", "{:.2f}"),
    ("warn/100", "warnings_per_100_edits", "{:.1f}"),
    ("avert/100", "averted_per_100_warnings", "{:.0f}"),
)
SUMMARY = ("level", "moment", "announced", "base rate", "others recently", "logistic, five", "peer", "ours", "gain",
           "ours - peer (95 %)")  # fmt: skip
WAITING = ("announced", "asked at", "thresholds for", "thresholds", "warned of 100", "averted, strict: half heeded",
           "all", "averted, simple: half", "all", "warnings each, strict", "simple", "needless of 100, strict: half",
           "all")  # fmt: skip
QUESTIONS = ("question", "precision", "recall", "precision at recall .6", "warnings per 100 pushes")


def write_page(path: Path, measured: Measured) -> None:
    """Fill the words with the figures."""
    push, everything = measured.levels[-1], measured.everything
    times = everything.frame["received_at"]
    top = {moment: push.cell(OURS, moment, max(push.shares)).metrics for moment in MOMENTS}
    start, still_open = (top[moment] for moment in MOMENTS)
    unseen = {state.moment: f"{state.conflicts:.0%}" for state in push.states if state.name == NOTHING}
    text = WORDS.substitute(
        events=f"{everything.event_count:,}",
        tenants=", ".join(sorted(everything.frame["tenant_id"].unique())),
        since=f"{times.min():%Y-%m}",
        until=f"{times.max():%Y-%m}",
        instant=f"{everything.instant_rows:,}",
        summary=_summary(measured),
        ahead=_ahead(measured),
        peer=", ".join(f"`{name}`" for name in PEER),
        resamples=RESAMPLES,
        levels="\n\n".join(_level(level) for level in measured.levels),
        states=_states(push),
        unseen_start=unseen.get(MOMENTS[0], "Part"),
        unseen_open=unseen.get(MOMENTS[1], "part"),
        r7_start=f"{start['recall_at_precision_70']:.2f}",
        r7_open=f"{still_open['recall_at_precision_70']:.2f}",
        p6_start=f"{start['precision_at_recall_60']:.2f}",
        p6_open=f"{still_open['precision_at_recall_60']:.2f}",
        base_start=f"{start['base_rate']:.2f}",
        base_open=f"{still_open['base_rate']:.2f}",
        most=simulation.MOST_WARNINGS,
        waiting=_waiting(push),
        questions=_questions(push),
        feature_set=FEATURE_SET,
        rising=", ".join(f"`{f.name}`" for f in FEATURES if f.name in RISING),
        features=_table(("feature", "unit", "meaning"), ([f"`{f.name}`", f.unit, f.meaning] for f in FEATURES)),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _summary(measured: Measured) -> str:
    rows = []
    for level in measured.levels:
        for moment, share in level.places:
            by_name = {cell.model: cell for cell in level.cells if (cell.moment, cell.share) == (moment, share)}
            recently, logistic, peer, ours = (
                by_name[name].metrics for name in ("changed_by_others_recently", "logistic_on_five", "peer", OURS)
            )
            lead = by_name["peer"].lead
            figures = [f"{m['pr_auc']:.3f}" for m in (recently, logistic, peer)]
            row = [level.name, f"`{moment}`", _share(share), f"{ours['base_rate']:.3f}", *figures]
            row += [f"**{ours['pr_auc']:.3f}**", f"{level.gain(moment, share) - 1:+.0%}"]
            rows.append([*row, f"{lead.low:+.3f} to {lead.high:+.3f}" if lead else ""])
    return _table(SUMMARY, rows)


def _ahead(measured: Measured) -> str:
    """Where the interval of our lead over a baseline holds nothing, said plainly."""
    behind = [
        f"{level.name}, `{cell.moment}`, {_share(cell.share)}, {cell.model.replace('_', ' ')}"
        for level in measured.levels
        for cell in level.cells
        if cell.lead and cell.lead.low <= 0
    ]
    if not behind:
        return "Ours is ahead of every baseline outside the interval, everywhere."
    return f"Ours is ahead of every baseline outside the interval, except of: {'; '.join(behind)}."


def _level(level: Level) -> str:
    chosen, slices = level.ours, level.slices
    parts = {"past": slices.train, "validation": slices.validation, "latest": slices.holdout}
    counts = ", ".join(f"{len(part) // len(level.shares):,} in the {name}" for name, part in parts.items())
    candidates = ", ".join(f"`{name}` {value:.3f}" for name, value in chosen.validation_pr_auc.items())
    cells = sorted(level.cells, key=lambda cell: (MOMENTS.index(cell.moment), cell.share))
    header = ("moment", "announced", "model", "base", "PR-AUC (95 %)", *(title for title, *_ in COLUMNS))
    return (
        f"## {level.name.capitalize()} level\n\n"
        f"Questions at each share: {counts} slice. Chosen on validation: `{chosen.candidate.name}`; it warns from "
        f"{chosen.threshold.value:.3f} on ({chosen.threshold.reason}). PR-AUC of the candidates: {candidates}.\n\n"
        f"{_table(header, map(_row, cells))}\n\n"
        f"### Per tenant ({level.name} level, PR-AUC)\n\n{_tenants(level)}\n\n"
        f"### What carries it ({level.name} level, PR-AUC)\n\n{_ablation(level)}"
    )


def _row(cell: Cell) -> list[str]:
    figures = [form.format(cell.metrics[name]) for _, name, form in COLUMNS]
    scored = f"{cell.metrics['pr_auc']:.3f} ({cell.interval.low:.3f} to {cell.interval.high:.3f})"
    name = cell.model.replace("_", " ")
    return [f"`{cell.moment}`", _share(cell.share), name, f"{cell.metrics['base_rate']:.3f}", scored, *figures]


def _tenants(level: Level) -> str:
    tenants = sorted(level.slices.holdout["tenant_id"].unique())
    rows = []
    for moment, share in level.places:
        ours, peer = (level.cell(name, moment, share).tenants for name in (OURS, "peer"))
        lines = {
            "base rate": [f"{ours[t]['base_rate']:.3f}" for t in tenants],
            "peer": [f"{peer[t].get('pr_auc', 0):.3f}" for t in tenants],
            "ours": [f"{ours[t].get('pr_auc', 0):.3f}" for t in tenants],
            "ours without this tenant's past": [f"{scores[moment, share]:.3f}" for scores in level.left_out.values()],
            "ours, precision / recall": [f"{ours[t]['precision']:.2f} / {ours[t]['recall']:.2f}" for t in tenants],
        }
        rows += [[f"`{moment}`", _share(share), name, *values] for name, values in lines.items() if values]
    return _table(("moment", "announced", "", *tenants), rows)


def _ablation(level: Level) -> str:
    whole = level.ablation[ALL]
    rows = [[ALL, *(f"{whole[place]:.3f}" for place in level.places)]]
    for name, scores in level.ablation.items():
        if name != ALL:
            fall = (f"{scores[p]:.3f} ({scores[p] / whole[p] - 1:+.0%})" for p in level.places)
            rows.append([f"without {name}", *fall])
    return _table(("", *(f"`{moment}` {_share(share)}" for moment, share in level.places)), rows)


def _states(level: Level) -> str:
    rows = {}
    for s in level.states:
        rows.setdefault(s.name, [s.name]).append(f"{s.questions:.1%} / **{s.conflicts:.0%}** / {s.precision:.2f}")
    return _table(("what can be seen at the moment", *(f"`{moment}`" for moment in MOMENTS)), rows.values())


def _waiting(level: Level) -> str:
    rows = []
    for w in level.waiting:
        outcome = w.outcome
        averted = [f"{outcome.share_averted(r, c):.0%}" for r in ("strict", "simple") for c in (0.5, 1.0)]
        each = [f"{outcome.warnings_per_averted(r):.1f}" if outcome.averted(r) else "-" for r in ("strict", "simple")]
        row = [_share(w.share), w.asked, w.goal, " / ".join(f"{value:.3f}" for value in w.thresholds.values())]
        row += [f"{100 * outcome.warned / outcome.pushes:.1f}", *averted, *each]
        rows.append([*row, *(f"{outcome.needless_per_100('strict', c):.1f}" for c in (0.5, 1.0))])
    return _table(WAITING, rows)


def _questions(level: Level) -> str:
    cells = {moment: level.cell(OURS, moment, max(level.shares)).metrics for moment in MOMENTS}
    rows = []
    for moment, m in cells.items():
        for risk, told in (("high", m), ("medium or high", level.at_medium(moment, max(level.shares)))):
            row = [f"the model, `{moment}`, {risk}", f"{told['precision']:.2f}", f"{told['recall']:.2f}"]
            at_60 = f"{m['precision_at_recall_60']:.2f}" if told is m else "-"
            rows.append([*row, at_60, f"{told['warnings_per_100_edits']:.1f}"])
    for state in level.states:
        if state.name == level.states[0].name:
            row = [
                f"`POST /sync/check` already at `{state.moment}`",
                f"{state.precision:.2f}",
                f"{state.conflicts:.2f}",
            ]
            rows.append([*row, "-", f"{100 * state.questions:.1f}"])
    rows.append(
        ["`POST /sync/check` just before the push", "1", "1", "1", f"{100 * cells[MOMENTS[0]]['base_rate']:.1f}"]
    )
    return _table(QUESTIONS, rows)


def _share(share: float) -> str:
    return f"{100 * share:.0f} %"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
