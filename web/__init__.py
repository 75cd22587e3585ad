"""What the two HTTP servers share: who is calling, how an error is said, how a body is bounded. Nothing of either."""
