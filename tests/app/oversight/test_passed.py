"""Whether an entry of the trace was passed."""

from __future__ import annotations

import pytest

from app.oversight.timeline import passed_of


class TestPassedOf:
    @pytest.mark.parametrize(
        ("payload", "expected"),
        [
            ({"result": "passed"}, True),
            ({"result": "missed"}, False),
            ({"passed": False, "score": 2}, False),
            ({"eligible": True, "reasons": []}, True),
            ({"mode": "learner"}, None),
            ({"result": None}, None),
        ],
    )
    def test_reads_the_sealed_payload_alone(self, payload, expected):
        assert passed_of(payload) is expected
