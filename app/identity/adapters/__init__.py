"""Adapters of this room's ports."""
