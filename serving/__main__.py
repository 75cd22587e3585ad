"""`python -m serving`: the prediction server as a process, or as several that count together."""

import os
import tempfile

from serving.metrics import SHARED_FOLDER
from web import process


def main() -> None:
    """Several workers write their counts into one folder, so that whichever is asked answers for all."""
    chosen = process.arguments("serving", 8001)
    if chosen.workers == 1 or SHARED_FOLDER in os.environ:
        process.run("serving.app:create_app", chosen)
        return
    with tempfile.TemporaryDirectory(prefix="foresync-metrics-") as folder:
        os.environ[SHARED_FOLDER] = folder
        process.run("serving.app:create_app", chosen)


if __name__ == "__main__":
    main()
