"""The sync service: takes offline changes, resolves conflicts by field, and owns the operational schema."""
