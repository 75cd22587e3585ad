"""The prediction server for a minute under a constant load, while everything around it is swapped, spoilt or killed.

    make bench BENCH=chaos

The test of it, for as long as `CHAOS_SECONDS` says (60), with the latencies of each part printed: every answer is
worked out again by scikit-learn, for the version that it names.
"""

import os
import subprocess
import sys

from support.harness import ROOT

TEST = "tests/serving/test_chaos.py"


def main() -> int:
    environment = {**os.environ, "CHAOS_SECONDS": os.environ.get("CHAOS_SECONDS", "60")}
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", TEST]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
