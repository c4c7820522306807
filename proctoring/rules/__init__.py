"""Pure rules of supervision: no database, no pictures, no clock; same facts, same result."""
