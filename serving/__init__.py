"""The prediction server: online features in one statement, a compiled model, swaps without dropping a request."""
