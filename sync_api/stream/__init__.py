"""`GET /sync/stream`: Server-Sent Events that say that there is something to fetch, and never what it is.

One poller a process asks PostgreSQL for all of its streams together; nothing is done inside anybody's transaction.
"""
