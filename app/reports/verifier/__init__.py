"""The offline verifier: one file of plain Python that goes into every evidence pack.

It trusts nothing of the platform and imports nothing of it.
"""
