"""What no file of the project may hold: a package index's address, or a path of somebody's machine."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# put together from parts, so that this file does not find itself
PACKAGE_INDEX = re.compile(
    "|".join(
        [
            "index" + "-url",
            r"files\.python" + r"hosted\.org",
            r"registry\.npm" + r"js\.org",
            '"resolved"' + ': "http',
            "source = " + r"\{ registry",
        ]
    )
)
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:wo" + r"rk|ro" + r"ot)/[a-z.]|(?<![\w.])/ho" + r"me/[a-z]+/")


def tracked_texts() -> list[tuple[str, str]]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    texts = []
    for name in filter(None, listed.stdout.split("\0")):
        content = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b""
        if b"\0" not in content:
            texts.append((name, content.decode("utf-8", "replace")))
    return texts


@pytest.mark.parametrize(
    "forbidden",
    [pytest.param(PACKAGE_INDEX, id="package index"), pytest.param(MACHINE_PATH, id="machine path")],
)
def test_no_tracked_file_names_it(forbidden: re.Pattern[str]) -> None:
    found = [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in tracked_texts()
        for number, line in enumerate(text.splitlines(), 1)
        if forbidden.search(line)
    ]

    assert not found, "\n".join(found)
