from __future__ import annotations

import hashlib
from uuid import uuid4

import pytest

from tests.reports.world import World

pytestmark = [pytest.mark.commits, pytest.mark.clause("CC-4.1.4b")]


@pytest.fixture
def world(platform, clock) -> World:
    made = World.make(platform, clock)
    made.study(0)
    made.sit_exam(0)
    return made


class TestPaper:
    def test_is_given_to_the_trainee_who_sat_it(self, world, browser):
        made, other = browser(), browser()
        made.sign_in(1)
        other.sign_in(2)
        path = f"/me/attempts/{world.attempt_id}/paper.pdf"
        assert made.get(path).json()["code"] == "paper-not-ready"
        file = world.make_paper(world.attempt_id)
        answer = made.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
        assert hashlib.sha256(answer.content).hexdigest() == file.sha256
        assert answer.headers["cache-control"] == "no-store"
        assert other.get(path).status_code == 404
        assert made.get(f"/me/attempts/{uuid4()}/paper.pdf").status_code == 404

    def test_is_closed_to_strangers(self, world, browser):
        assert browser().get(f"/me/attempts/{world.attempt_id}/paper.pdf").status_code == 401
