"""What the server counts, in Prometheus' terms. One registry an application, so that two can live in a process.

Several workers count into files of one folder that the environment names, Prometheus' own way: each then answers
`/metrics` with the sum of all. What a dead worker counted stays counted; what it was doing does not.
"""

import os
import re
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from serving import features

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
LATENCY_BUCKETS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_LIVE = re.compile(r"gauge_live[a-z]*_(\d+)\.db")


class Metrics:
    """Every metric, by the name of what it tells."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.seconds = Histogram(
            "foresync_prediction_seconds",
            "Time of an answer by stage: waiting (for its turn), features (PostgreSQL), model, total",
            ["stage"],
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.predictions = Counter(
            "foresync_predictions", "Predictions by risk level and arm", ["risk_level", "arm"], registry=self.registry
        )
        self.defaults = Counter(
            "foresync_feature_defaults",
            "Predictions in which a feature had its default value",
            ["feature"],
            registry=self.registry,
        )
        self.model = Gauge(
            "foresync_model_loaded",
            "Workers that answer with the version",
            ["version", "origin"],
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.refused = Counter(
            "foresync_models_refused", "Champions that could not be loaded and were refused", registry=self.registry
        )
        self.polls = Counter(
            "foresync_model_polls", "Looks at the registry by result", ["result"], registry=self.registry
        )
        self.log_rows = Counter(
            "foresync_prediction_log_rows",
            "Predictions by what became of their log row: written or dropped",
            ["result"],
            registry=self.registry,
        )
        self.log_waiting = Gauge(
            "foresync_prediction_log_waiting",
            "Predictions that are not written yet",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.total, self.waiting, self.features, self.evaluation = (
            self.seconds.labels(stage) for stage in ("total", "waiting", "features", "model")
        )
        # by their labels: looking one up costs more than counting
        self.said = {
            (level, arm): self.predictions.labels(level, arm)
            for level in ("low", "medium", "high", "unknown")
            for arm in ("shown", "withheld")
        }
        self.default_of = {name: self.defaults.labels(name) for name in features.NAMES}

    def exposed(self) -> bytes:
        """In Prometheus' text format: of all workers, where there are several."""
        folder = os.environ.get(SHARED_FOLDER)
        if folder is None:
            return generate_latest(self.registry)
        _bury(Path(folder))
        together = CollectorRegistry()
        MultiProcessCollector(together, folder)  # type: ignore[no-untyped-call]  # of a library without types there
        return generate_latest(together)


def _bury(folder: Path) -> None:
    """What workers that are no more were doing is not going on: nobody else tells, since uvicorn has no hook for it."""
    for path in folder.glob("gauge_live*.db"):
        if (found := _LIVE.fullmatch(path.name)) and not Path("/proc", found[1]).exists():
            mark_process_dead(int(found[1]), str(folder))  # type: ignore[no-untyped-call]
