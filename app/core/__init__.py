"""Shared kernel: the habits every room keeps, and no word of the training domain.

Vocabulary: *chain* is a gapless, hash-linked sequence of ledger entries (one per class); *outbox* holds what
still has to leave the platform; *vault* holds the keys; *work* is one transaction with its reading of the clock.
"""
