"""A server as a process: `python -m sync_api --port 8000`, `python -m serving --port 8001 --workers 4`."""

import argparse
import gc
import os

import uvicorn

from web import logs

DRAIN_SECONDS = 30  # what open requests are given when the process is asked to end


def arguments(name: str, port: int) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog=f"python -m {name}", allow_abbrev=False)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=port)
    parser.add_argument("--workers", type=int, default=1, help="processes that share the port")
    return parser.parse_args()


def run(factory: str, chosen: argparse.Namespace) -> None:
    """Serve until asked to end. A worker that dies is replaced. The level of the log is `FORESYNC_LOG_LEVEL`'s."""
    level = os.environ.get("FORESYNC_LOG_LEVEL", "info").lower()
    if level not in logs.LEVELS:
        raise SystemExit(f"FORESYNC_LOG_LEVEL must be one of {', '.join(logs.LEVELS)}")
    uvicorn.run(
        factory,
        factory=True,
        host=chosen.host,
        port=chosen.port,
        workers=chosen.workers,
        log_config=logs.configuration(level),
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


def collect_seldom() -> None:
    """To be called when everything is loaded: requests make many short-lived objects and no cycles, and looking for
    those is 7 % of the CPU time of a push."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
