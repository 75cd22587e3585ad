"""The operational schema: its tables, its migrations, and connections to it."""
