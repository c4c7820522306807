"""Clients of city real-name systems, one module per protocol."""
