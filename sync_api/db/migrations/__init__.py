"""The operational schema, step by step: roles, tables, policies, functions. Run by `sync_api.db.migrate`."""
