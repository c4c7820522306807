"""Engines that meet the ports of supervision; only here are face and image libraries imported."""
