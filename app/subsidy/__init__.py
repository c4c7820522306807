"""Eligibility, claims, deadlines, amounts."""
