"""The same edits as they look where fewer clients announce what they do. Pure; what is drawn is in the training set.

A model that only met announced edits of the careful and silent ones of the careless would read silence as safety, or as
danger. So it learns from every edit in several ways: as announced, and with its announcement dropped. A push that
announces at a share announces at every higher one; others' announcements stay, since they are theirs to make.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd

from ml.features import FEATURES

# Nobody and everybody: what is learnt from one half announcing is made of the same rows.
SHARES: Final = (0.0, 1.0)
DRAW: Final = "announce_draw"
SILENT_OVERLAP: Final = "silent_overlap_score"
OVERLAP: Final = "field_overlap_score"


def at_share(frame: pd.DataFrame, share: float) -> pd.DataFrame:
    """The frame's rows, with what was announced dropped from all pushes but this share of them; order is kept."""
    is_dropped = (frame[DRAW] >= share) & (frame["is_announced"] == 1)
    silent = {f.name: f.default for f in FEATURES if f.is_of_announcement}
    replaced: dict[str, pd.Series] = {
        name: frame[name].mask(is_dropped, value).astype(frame[name].dtype) for name, value in silent.items()
    }
    replaced[OVERLAP] = frame[OVERLAP].mask(is_dropped, frame[SILENT_OVERLAP])
    return frame.assign(**replaced)


def at_shares(frame: pd.DataFrame, shares: Sequence[float] = SHARES) -> pd.DataFrame:
    """The rows at every share, one below the other: what a model learns from."""
    return pd.concat([at_share(frame, share) for share in shares], ignore_index=True)
