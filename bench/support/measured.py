"""What the bench of the models has measured, as plain values: to be told as a page, or as the last line's figures."""

from dataclasses import dataclass

from support.waiting import Waiting

from ml.ablation import State
from ml.dataset import TrainingSet
from ml.evaluate import Metrics, at_threshold
from ml.features import MOMENTS, TARGET
from ml.protocol import OURS, Cell, Chosen, PrAucs, at
from ml.splits import Split
from ml.tune import predict


@dataclass(frozen=True)
class Level:
    """Everything that was measured of one level. By tenant and by group of features left out."""

    name: str
    slices: Split
    ours: Chosen
    cells: list[Cell]
    left_out: dict[str, PrAucs]
    ablation: dict[str, PrAucs]
    states: list[State]
    waiting: list[Waiting]

    def cell(self, model: str, moment: str, share: float) -> Cell:
        return next(c for c in self.cells if (c.model, c.moment, c.share) == (model, moment, share))

    def at_medium(self, moment: str, share: float) -> Metrics:
        """What a hint wherever the risk is medium or high would have meant on the latest slice."""
        rows = at(self.slices.holdout, share, moment)
        return at_threshold(rows[TARGET].to_numpy(), predict(self.ours.model, rows), self.ours.threshold.medium)

    @property
    def shares(self) -> list[float]:
        return sorted({cell.share for cell in self.cells})

    @property
    def places(self) -> list[tuple[str, float]]:
        return [(moment, share) for moment in MOMENTS for share in self.shares]

    def gain(self, moment: str, share: float) -> float:
        """PR-AUC over the peer's."""
        ours, theirs = (self.cell(name, moment, share).metrics["pr_auc"] for name in (OURS, "peer"))
        return ours / theirs


@dataclass(frozen=True)
class Measured:
    """The set with everybody announcing, and the levels: record, push."""

    everything: TrainingSet
    levels: list[Level]

    def figures(self) -> dict[str, float | None]:
        """For the bench's last line. What is averted: asked at both moments, everybody announcing, read strictly."""
        leads = [cell.lead.low for level in self.levels for cell in level.cells if cell.lead]
        waiting = {(w.share, w.asked, w.goal): w.outcome for w in self.levels[-1].waiting}
        best = waiting.get((1.0, "both", "strict"))
        figures: dict[str, float | None] = {
            f"{level.name}_{moment}_{round(100 * share)}": level.cell(OURS, moment, share).metrics["pr_auc"]
            for level in self.levels
            for moment, share in level.places
        }
        return figures | {
            "least_lead_over_a_baseline": min(leads),
            "least_gain_over_the_peer": min(level.gain(*place) for level in self.levels for place in level.places),
            "averted_share": best.share_averted("strict", 1.0) if best else None,
            "warnings_per_averted": best.warnings_per_averted("strict") if best else None,
        }
