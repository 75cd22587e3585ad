"""Learn that the process is asked to end before the server does what it does then: wait for open requests."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def when_stopped(call: Callable[[], None]) -> Iterator[None]:
    """Within the block, a signal to end runs `call` in the event loop, and does what it would have done anyway.

    Where the server has set no handler of its own, or runs beside the main thread, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    former = {number: signal.getsignal(number) for number in SIGNALS}

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(call)
        handler = former[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    ours = [number for number in SIGNALS if callable(former[number])]
    for number in ours:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number in ours:
            if signal.getsignal(number) is handle:  # or somebody else has taken over since
                signal.signal(number, former[number])
