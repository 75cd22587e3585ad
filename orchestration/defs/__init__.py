"""Definitions, a folder per domain. What they do is in lib/, in ml/ and in dbt_project/."""
