"""Files of other programs, read with suspicion."""
