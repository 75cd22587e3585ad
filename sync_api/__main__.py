"""`python -m sync_api`: the sync server as a process."""

from web import process

if __name__ == "__main__":
    process.run("sync_api.app:create_app", process.arguments("sync_api", 8000))
