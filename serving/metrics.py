"""What the server counts, in Prometheus' terms. One registry an application, so that two can live in a process."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LATENCY_BUCKETS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """Every metric, by the name of what it tells."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.seconds = Histogram(
            "foresync_prediction_seconds",
            "Time of an answer by stage: features (PostgreSQL), model, total",
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
            "foresync_model_loaded", "1 for the version that answers", ["version", "origin"], registry=self.registry
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
            "foresync_prediction_log_waiting", "Predictions that are not written yet", registry=self.registry
        )
        self.total, self.features, self.evaluation = (
            self.seconds.labels(stage) for stage in ("total", "features", "model")
        )
