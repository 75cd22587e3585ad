"""The compiled model: its file format and its evaluation, numpy only. `ml` writes and proves it; `serving` runs it."""
