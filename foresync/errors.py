"""The error that is told to the user as it is, without a traceback."""


class PlainError(RuntimeError):
    """The message says what went wrong and what the user can do about it."""
