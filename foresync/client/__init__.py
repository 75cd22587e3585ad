"""The Python client of the two servers, on httpx alone.

It knows the wire format and how to retry without harm. Not here: the server's code, replays, the command.
"""

from foresync.client.answers import (
    Anchor,
    Applied,
    ChangesPage,
    Conflict,
    ImportResult,
    Policy,
    PresenceResult,
    PulledChange,
    PushAnswer,
    PushResult,
    Rejected,
)
from foresync.client.checking import CheckAnswer, Checked
from foresync.client.errors import (
    ApiError,
    ForbiddenError,
    InvalidRequestError,
    RateLimitedError,
    ResyncRequiredError,
    ServerError,
    SyncError,
    TooLargeError,
    UnauthorizedError,
    UnreachableError,
)
from foresync.client.predicting import Explanation, Prediction, PredictionClient, PushPrediction, QueuePrediction
from foresync.client.queue import ChangeQueue
from foresync.client.retry import Retry
from foresync.client.settling import ConflictPage, Edit, Resolution
from foresync.client.stream import StreamEvent
from foresync.client.sync import SyncClient

__all__ = [
    "Anchor",
    "ApiError",
    "Applied",
    "ChangeQueue",
    "ChangesPage",
    "CheckAnswer",
    "Checked",
    "Conflict",
    "ConflictPage",
    "Edit",
    "Explanation",
    "ForbiddenError",
    "ImportResult",
    "InvalidRequestError",
    "Policy",
    "Prediction",
    "PredictionClient",
    "PresenceResult",
    "PulledChange",
    "PushAnswer",
    "PushPrediction",
    "PushResult",
    "QueuePrediction",
    "RateLimitedError",
    "Rejected",
    "Resolution",
    "ResyncRequiredError",
    "Retry",
    "ServerError",
    "StreamEvent",
    "SyncClient",
    "SyncError",
    "TooLargeError",
    "UnauthorizedError",
    "UnreachableError",
]
