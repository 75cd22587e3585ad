"""Conflict policies over HTTP: versioned, per tenant and entity type. What a policy means: the engine."""
