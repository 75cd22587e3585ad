"""Entity types over HTTP, and `shipped.json`: the types that every tenant has. What a declaration means: the engine."""
