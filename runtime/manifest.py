"""What a compiled model says about itself: `manifest.json`. Nothing here evaluates anything."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

FORMAT = 1
MANIFEST_FILE = "manifest.json"
MODEL_TYPES = ("random_forest", "gradient_boosting", "logistic_regression")


class CorruptModel(Exception):  # noqa: N818  (says what it is, like Problem)
    """The files are not what was saved: missing, altered, unreadable, or answering otherwise than they did."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """`features` is in the order of the model's columns: mappings with name, dtype, unit, default and,
    since there are explanations, meaning; in a model of whole pushes also of_records, how the feature of a push comes
    from those of its records (max, min or sum).

    `threshold` is where a warning is shown, `medium_threshold` where the risk stops being low. `tenants` is
    None for a model that may serve everybody; a model trained on mapped time names the only ones it may serve.
    `trained_tenants` are those whose rows it was fitted on; None in a manifest from before it was noted.
    `calibration` holds slope and intercept of the sigmoid that makes probabilities of raw scores; None: they are the
    model's own. `files` maps a file's name to its sha256; the manifest's own entry covers the manifest without that
    entry.
    """

    model_type: str
    features: list[dict[str, Any]]
    threshold: float
    medium_threshold: float
    moments: list[str]
    tenants: list[str] | None
    trained_until: str
    metrics: dict[str, Any]
    calibration: dict[str, float] | None = None
    trained_tenants: list[str] | None = None
    files: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise ValueError(f"format {self.format!r} is not {FORMAT}")
        if self.model_type not in MODEL_TYPES:
            raise ValueError(f"unknown model type {self.model_type!r}")
        if not self.features or len(set(self.names)) != len(self.features):
            raise ValueError("features must be named, and named once")
        if not 0.0 <= self.medium_threshold <= self.threshold <= 1.0:
            raise ValueError("thresholds must satisfy 0 <= medium_threshold <= threshold <= 1")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(str(feature["name"]) for feature in self.features)

    @property
    def defaults(self) -> tuple[float, ...]:
        return tuple(float(feature["default"]) for feature in self.features)

    def serves(self, tenant: str) -> bool:
        return self.tenants is None or tenant in self.tenants

    def learnt_from(self, tenant: str) -> bool:
        """Whether it was fitted on rows of the tenant. Where that was not noted, those it was made for are known."""
        noted = self.trained_tenants if self.trained_tenants is not None else self.tenants
        return tenant in (noted or ())

    def with_files(self, digests: Mapping[str, str]) -> Self:
        """The same manifest sealed over `digests` and over itself."""
        unsealed = replace(self, files=dict(digests))
        return replace(unsealed, files={**digests, MANIFEST_FILE: _digest(asdict(unsealed))})

    def as_dict(self) -> dict[str, Any]:
        """As JSON would hold it."""
        return asdict(self)

    def to_json(self) -> str:
        return json.dumps(self.as_dict(), indent=2, sort_keys=True, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises CorruptModel when the text is not a sealed manifest of this format."""
        try:
            read = json.loads(text)
            sealed = read["files"].pop(MANIFEST_FILE)
            if sealed != _digest(read):
                raise CorruptModel("manifest.json is not what was saved")
            read["files"][MANIFEST_FILE] = sealed
            return cls(**read)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorruptModel(f"manifest.json cannot be read: {error}") from error


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
