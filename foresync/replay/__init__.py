"""Replays a real edit history through the sync API, as the devices that it came from.

`history` reads the file, `plan` orders it, `requests` cuts it, `items` renders it, `run` sends it. It speaks to the
server over HTTP alone and knows nothing of its code.
"""

from foresync.replay.history import HistoryError
from foresync.replay.ledger import Ledger
from foresync.replay.run import SCOPES, Watcher, replay
from foresync.replay.terms import Options, ReplayError

__all__ = ["SCOPES", "HistoryError", "Ledger", "Options", "ReplayError", "Watcher", "replay"]
