"""Parameters of a final exam, handed to this domain from outside.

The numbers come with the class the exam belongs to; this domain never looks up a regional rule.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ExamRules:
    """What a final exam (结业考核) must satisfy.

    Attributes:
        attempts: Attempts a trainee has; resuming the same attempt is not another one.
        bank_ratio: The bank holds at least this many times the questions of a paper.
        biometric_min: Passed identity checks between start and submission.
        pdf_required: Whether a result needs the paper as PDF.
        grace_s: Seconds after the end in which an answer already sent is still accepted.

    Clauses:
        CC-4.1.4a, CC-4.1.4b, CC-4.3.5, CC-A2-4.6.
    """

    attempts: int
    bank_ratio: int
    biometric_min: int
    pdf_required: bool
    grace_s: int
