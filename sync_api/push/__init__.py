"""`POST /sync/push`: from the bytes of a batch to a verdict for every change, in one transaction."""
