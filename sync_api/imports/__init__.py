"""`POST /import/batch`: histories with their own clock. The engine that decides is the one that pushes meet."""
