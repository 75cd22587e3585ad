"""The command and the client: starts the parts, hands out dev tokens, replays histories. It imports rooms; none imports it."""
