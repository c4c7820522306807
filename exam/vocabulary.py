"""Closed lists of this room: kinds of questions, states of things, with their Chinese names."""

from __future__ import annotations

SINGLE, MULTIPLE, TRUE_FALSE = "single", "multiple", "true_false"
KINDS = (SINGLE, MULTIPLE, TRUE_FALSE)
KIND_TITLES = {SINGLE: "单选题", MULTIPLE: "多选题", TRUE_FALSE: "判断题"}

DRAFT, APPROVED, REJECTED, PUBLISHED = "draft", "approved", "rejected", "published"

IDENTITY_PENDING, RUNNING, GRADED = "identity_pending", "running", "graded"

PASSED, FAILED, UNVERIFIED = "passed", "failed", "identity_unverified"
OUTCOME_TITLES = {PASSED: "合格", FAILED: "不合格", UNVERIFIED: "身份未验证，成绩无效"}

BY_LEARNER, BY_TIMEOUT = "learner", "auto_timeout"

LETTERS = "ABCDEF"
