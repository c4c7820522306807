"""Rules of bank, paper and marking: pure, no database, no clock."""
