"""Rows that other rooms own: organisations, persons, accounts."""

from __future__ import annotations

import pytest

from tests.app.training.factories import Cast


@pytest.fixture
def cast(work) -> Cast:
    """An institution with an author and a reviewer, and a way to make trainees."""
    return Cast.make(work)
