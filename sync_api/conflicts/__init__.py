"""Conflicts over HTTP: who waits for what, why, and how a person settles it. Detection is the engine's."""
