"""The command and the client: starts the parts, hands out dev tokens, replays histories.

It imports rooms; no room imports it.
"""
