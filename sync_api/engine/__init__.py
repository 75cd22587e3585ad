"""What becomes of a change: pure functions over plain values. No I/O, no clock of its own, no SQL, no HTTP."""
