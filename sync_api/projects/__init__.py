"""Who is a member of which project. What a member may see and write: the feed's statement and the push's fold."""
