"""Rules about people and their accounts: pure functions without a database and without a clock."""
