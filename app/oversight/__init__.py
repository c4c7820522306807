"""What auditors and supervisors see: trace of a trainee, findings, review.

Vocabulary: 追溯 trace · 审计 audit.
"""
