"""What a command costs, as the kernel counted it."""

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass

from support.harness import ROOT


@dataclass(frozen=True)
class Cost:
    seconds: float
    cpu: float
    gigabytes: float

    def __str__(self) -> str:
        return f"{self.seconds:8.1f} s {self.cpu:8.1f} CPU-s {self.gigabytes:6.2f} GB"


def measure(command: list[str], environment: dict[str, str]) -> Cost:
    """Run to its end; SystemExit with its words when it fails."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
        if status:
            output.seek(0)
            raise SystemExit(output.read()[-4000:].decode())
    return Cost(time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6)
