"""The embedded platform: every server on this machine, started in order, watched over, ended together.

`wiring` says who is where, `parts` what runs, `provision` what must be true before, `supervisor` keeps it running,
`control` brings it up and down. Not here: what any of the servers does.
"""

from foresync.platform.control import down, running_platform, up, watch
from foresync.platform.platform import Platform, Standing
from foresync.platform.state import PlatformError, State

__all__ = ["Platform", "PlatformError", "Standing", "State", "down", "running_platform", "up", "watch"]
