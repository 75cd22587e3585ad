"""From a model and what was seen to what may be said: level, factors, arm. Pure; words and wire are elsewhere."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from runtime import CompiledModel

Level = Literal["low", "medium", "high"]
Arm = Literal["shown", "withheld"]

TOP = 3
LEAST_SHARE = 0.005  # a factor that moves the probability by less is not worth naming


@dataclass(frozen=True, slots=True)
class Factor:
    """A feature that raises the risk: without it (at its default) the probability would be lower by `effect`."""

    feature: str
    value: float
    effect: float


class Verdict(NamedTuple):
    """What the model says of one edit. `factors` are worked out where the risk is not low."""

    probability: float
    level: Level
    factors: tuple[Factor, ...]


def judge(model: CompiledModel, seen: Sequence[Mapping[str, float]]) -> list[Verdict]:
    """The verdict on each row of features: one evaluation for the rows, one for the factors of those at risk."""
    manifest = model.manifest
    names = manifest.names  # which works them out each time
    rows = np.array([list(map(values.__getitem__, names)) for values in seen])
    probabilities: list[float] = model.predict(rows).tolist()
    levels = [_level(p, manifest.threshold, manifest.medium_threshold) for p in probabilities]
    at_risk = [i for i, level in enumerate(levels) if level != "low"]
    factors = dict(zip(at_risk, _factors(model, rows[at_risk], np.array(probabilities)[at_risk]), strict=True))
    return [Verdict(p, levels[i], factors.get(i, ())) for i, p in enumerate(probabilities)]


def unremarkable(model: CompiledModel) -> Verdict:
    """What is said in place of a withheld warning: the model's word on an edit about which nothing is known."""
    manifest = model.manifest
    p = float(model.predict([manifest.defaults])[0])
    return Verdict(min(p, float(np.nextafter(manifest.medium_threshold, 0.0))), "low", ())


def arm(secret: bytes, share: float, *edit: str) -> Arm:
    """Whether a warning about `edit` is withheld: the same each time it is asked, and known to nobody beforehand.

    A draw at every asking would show the warning at the next heartbeat, and the arm would measure nothing.
    """
    digest = hashlib.blake2b("\x1f".join(edit).encode(), key=secret[:64], digest_size=8).digest()
    return "withheld" if int.from_bytes(digest) < share * 2**64 else "shown"


def told(factors: Sequence[Factor]) -> list[dict[str, Any]]:
    """As `schemas.TopFactor` describes them."""
    return [{"feature": factor.feature, "value": factor.value, "effect": factor.effect} for factor in factors]


def _level(probability: float, threshold: float, medium_threshold: float) -> Level:
    if probability >= threshold:
        return "high"
    return "medium" if probability >= medium_threshold else "low"


def _factors(model: CompiledModel, rows: np.ndarray, probabilities: np.ndarray) -> list[tuple[Factor, ...]]:
    """The features that raise the risk most, strongest first."""
    names = model.manifest.names
    return [
        tuple(
            Factor(names[i], float(row[i]), float(effect[i]))
            for i in np.argsort(-effect, kind="stable")[:TOP]
            if effect[i] >= LEAST_SHARE
        )
        for row, effect in zip(rows, effects(model, rows, probabilities), strict=True)
    ]


def effects(model: CompiledModel, rows: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Ask the model again with each feature at its default, all in one evaluation: float64[n, F] -> float64[n, F].

    True to the model whatever its kind, and readable: "were nobody else editing, the risk would be 30 points lower".
    """
    if len(rows) == 0:
        return rows
    number = len(model.manifest.names)
    without = np.repeat(rows[:, np.newaxis, :], number, axis=1)
    without[:, range(number), range(number)] = model.manifest.defaults
    answers = model.predict(without.reshape(-1, number)).reshape(len(rows), number)
    changed: np.ndarray = probabilities[:, np.newaxis] - answers
    return changed
