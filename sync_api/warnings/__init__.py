"""Warnings about open edits: that somebody else has raised the risk of one is noticed, written down once, and told.

Not here: what a risk is (the prediction server's), who has what open (`edits`), how an event is sent (`stream`).
"""
