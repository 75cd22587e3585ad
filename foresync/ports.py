"""Free TCP ports on loopback."""

import socket
from collections.abc import Collection

from foresync.errors import PlainError

HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether a server could listen here now: nobody answers, and the address can be bound."""
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex((HOST, port)) == 0:
            return False
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((HOST, port))
        except OSError:
            return False
    return True


def any_free() -> int:
    """A port that was free a moment ago, picked by the kernel."""
    with socket.socket() as server:
        server.bind((HOST, 0))
        port: int = server.getsockname()[1]
        return port


def next_free(start: int, taken: Collection[int] = ()) -> int:
    """The first free port from `start` on, none of `taken`. Raises PlainError when the next hundred are taken."""
    for port in range(start, start + 100):
        if port not in taken and is_free(port):
            return port
    raise PlainError(f"no free port between {start} and {start + 99}")
