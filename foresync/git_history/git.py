"""Running git on somebody's repository, which may be anybody's: nothing that it configures is run or fetched."""

import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from foresync.errors import PlainError

# What git takes for the beginning of a function or a section, by its own drivers.
LANGUAGES = {
    "ada": "adb ads", "bash": "sh bash", "bibtex": "bib", "cpp": "c cc cpp cxx h hh hpp hxx", "csharp": "cs",
    "css": "css scss", "elixir": "ex exs", "fortran": "f f90 f95", "golang": "go", "html": "html htm",
    "java": "java", "kotlin": "kt kts", "markdown": "md markdown", "matlab": "m", "pascal": "pas",
    "perl": "pl pm", "php": "php", "python": "py pyx pxd", "ruby": "rb", "rust": "rs", "scheme": "scm",
    "tex": "tex",
}  # fmt: skip
ATTRIBUTES = "".join(
    f"*.{ending} diff={driver}\n" for driver, endings in LANGUAGES.items() for ending in endings.split()
)


class Git:
    """One repository. Raises PlainError with git's own words when it refuses."""

    def __init__(self, repository: Path) -> None:
        self.repository = repository
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_PAGER": "cat",
            "LC_ALL": "C",
        }

    def text(self, *words: str) -> str:
        """What a short command says."""
        done = self._run(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = done.communicate()
        if done.returncode:
            raise PlainError(f"git cannot read {self.repository}: {err.decode(errors='replace').strip()}")
        return out.decode(errors="surrogateescape").strip()

    def lines(self, *words: str, asked: Iterable[str] = ()) -> Iterator[bytes]:
        """The lines of a long answer, as they come, without their ends. asked: lines for its standard input."""
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
            given.writelines(f"{line}\n".encode() for line in asked)
            given.seek(0)
            running = self._run(*words, stdin=given, stdout=subprocess.PIPE, stderr=said)
            assert running.stdout is not None
            try:
                for line in running.stdout:
                    yield line.removesuffix(b"\n")
            finally:
                running.stdout.close()
                if running.wait() > 0:  # below 0: we have stopped listening
                    said.seek(0)
                    words_of_git = said.read().decode(errors="replace").strip()
                    raise PlainError(f"git stopped reading {self.repository}: {words_of_git}")

    def _run(self, *words: str, **pipes: object) -> "subprocess.Popen[bytes]":
        command = ["git", "-C", str(self.repository), "--no-pager", "-c", f"core.attributesFile={_attributes()}"]
        command += ["-c", "core.quotePath=true", "-c", "diff.suppressBlankEmpty=false", *words]
        try:
            return subprocess.Popen(command, env=self._environment, **pipes)  # type: ignore[call-overload, no-any-return]  # its many shapes
        except FileNotFoundError as error:
            raise PlainError("git is not installed, or not on the PATH") from error


def _attributes() -> Path:
    """A file that tells git the language of each file, whatever the repository's own says of it."""
    path = Path(tempfile.gettempdir()) / f"foresync-attributes-{os.getpid()}"
    if not path.exists():
        path.write_text(ATTRIBUTES, encoding="ascii")
    return path
