"""A git repository as an edit history: what a sync server would have seen of the team's work.

The mainline (first parents) is the server, a merge is an offline client's sync, a file is a record, a function or a
section of it is a field. Only numbers leave: no path, name, address or source text is in the history.
"""

from foresync.git_history.build import Built, Watcher, build
from foresync.git_history.files import legend, legend_beside, write, write_legend

__all__ = ["Built", "Watcher", "build", "legend", "legend_beside", "write", "write_legend"]
