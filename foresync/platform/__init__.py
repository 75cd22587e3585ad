"""The embedded platform: every server on this machine, started in order, watched over, ended together.

`wiring` says who is where, `parts` what runs, `provision` what must be true before, `supervisor` keeps it running,
`control` brings it up and down. Not here: what any of the servers does.
"""
