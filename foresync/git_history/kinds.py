"""What kind of record a file is, by its path alone: source, test, doc or config."""

import re

TEST = re.compile(
    r"(^|/)(tests?|spec|specs|testing|__tests__)(/|$)|(^|/)test_[^/]*$|[_.](test|spec)\.[^/.]+$|conftest\.py$"
)
DOC = re.compile(r"(^|/)docs?/|\.(md|markdown|rst|adoc|tex|txt)$|(^|/)(readme|changelog|changes|license|authors)[^/]*$")
SOURCE = re.compile(
    r"\.(py|pyx|pxd|c|cc|cpp|cxx|h|hh|hpp|hxx|cs|java|kt|kts|scala|go|rs|rb|php|pl|pm|lua|swift|m|mm|js|jsx|ts|tsx|vue|"
    r"svelte|css|scss|less|html?|sql|r|jl|ex|exs|erl|hs|ml|fs|f|f90|f95|sh|bash|ps1|ipynb|dart|zig|nim)$"
)


def kind_of(path: bytes) -> str:
    """The entity type. A file that is none of the others is configuration."""
    name = path.decode("ascii", errors="replace").strip('"').lower()
    for kind, pattern in (("test", TEST), ("doc", DOC), ("source", SOURCE)):
        if pattern.search(name):
            return kind
    return "config"
