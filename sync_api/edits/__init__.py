"""Presence over HTTP: who has which record open, by their own word; each answer tells the risk of a conflict now."""
