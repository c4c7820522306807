"""Classes as the authority approved them, their rosters, and their opening."""
