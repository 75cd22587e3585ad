"""What the warehouse has worked out, for an operator to read, and the request to work it out again."""
