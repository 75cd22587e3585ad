"""`POST /sync/check`: what a push would be told now. The push's own fold, over hashes, and nothing is written."""
