"""What a client reads: the feed of changes, a digest to prove itself equal by, and pokes. Nothing is written here."""
