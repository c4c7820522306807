"""A trainee in an opened class, and a player that talks to the real services."""

from __future__ import annotations

import pytest

from app.core.clock import FakeClock
from tests.app.training.factories import Cast
from tests.app.training.playback.studio import Studio


@pytest.fixture
def studio(cast: Cast, clock: FakeClock) -> Studio:
    """A demonstration class of two one-minute lessons with one trainee, ready to learn."""
    return Studio.make(cast, clock)
