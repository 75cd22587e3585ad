"""The compiled model: its file format and its evaluation, numpy only. `ml` writes it, `serving` runs it.

No training, no registry, no HTTP: whoever holds the folder can answer, and knows whether it is what was saved.
"""

from runtime.boosting import Boosting
from runtime.contributions import Contributions
from runtime.files import load, save
from runtime.forest import Forest
from runtime.linear import Linear
from runtime.manifest import CorruptModel, Manifest
from runtime.model import CompiledModel
from runtime.sigmoid import Sigmoid

__all__ = [
    "Boosting",
    "CompiledModel",
    "Contributions",
    "CorruptModel",
    "Forest",
    "Linear",
    "Manifest",
    "Sigmoid",
    "load",
    "save",
]
