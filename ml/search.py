"""Which settings to try next: a tree-structured Parzen estimator (Optuna's) told of every finished trial.

Asking is pure: the same trials and seed are answered the same settings, whoever asks and however often. So a tuning
that was killed goes on where it stopped, and ends where it would have ended. Nothing is fitted here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import optuna
from optuna.distributions import FloatDistribution, IntDistribution

from ml.estimators import SEED, Candidate, ModelType

Space: TypeAlias = Mapping[str, FloatDistribution | IntDistribution]

SPACES: Final[dict[ModelType, Space]] = {
    "logistic_regression": {"C": FloatDistribution(0.003, 30.0, log=True)},
    "random_forest": {
        "max_depth": IntDistribution(4, 14),
        "min_samples_leaf": IntDistribution(5, 100, log=True),
        "max_features": IntDistribution(1, 4),
    },
    "gradient_boosting": {
        "learning_rate": FloatDistribution(0.02, 0.12, log=True),
        "max_iter": IntDistribution(80, 400),
        "max_features": FloatDistribution(0.2, 0.8),
    },
}
# a forest takes ten times as long as the others, and a regression has one knob
ASKED: Final[dict[ModelType, int]] = {"logistic_regression": 1, "random_forest": 1, "gradient_boosting": 2}
# more would be the precision of a measuring error, and names that nobody reads
DIGITS: Final = 3


def suggestions(scored: Sequence[tuple[Candidate, float]], number: int) -> list[Candidate]:
    """What to try in round `number`: a few settings for each model type among the candidates scored so far."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    types = dict.fromkeys(candidate.model_type for candidate, _ in scored)
    return [
        Candidate(model_type, settings)
        for model_type in types
        for settings in _asked(
            SPACES[model_type],
            [(c.settings, score) for c, score in scored if c.model_type == model_type],
            ASKED[model_type],
            SEED + number,
        )
    ]


def _asked(space: Space, scored: Sequence[tuple[dict[str, Any], float]], count: int, seed: int) -> list[dict[str, Any]]:
    # what was given from outside the space is no evidence about it
    told = [(settings, score) for settings, score in scored if _is_within(settings, space)]
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=min(2, len(told)))
    )
    for settings, score in told:
        study.add_trial(optuna.create_trial(params=settings, distributions=dict(space), value=score))
    return [_rounded(study.ask(dict(space)).params) for _ in range(count)]


def _is_within(settings: Mapping[str, Any], space: Space) -> bool:
    return settings.keys() == space.keys() and all(space[k].low <= v <= space[k].high for k, v in settings.items())


def _rounded(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {k: float(f"{v:.{DIGITS}g}") if isinstance(v, float) else v for k, v in settings.items()}
