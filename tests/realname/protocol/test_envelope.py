import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.realname.protocol import entry_hash, event_errors, payload_hash
from app.realname.protocol.envelope import holds_id_number
from tests.realname.conftest import Chain

SAMPLE_ID = "11010519491231002X"
FILE = {"sha256": "a" * 64, "bytes": 10, "media_type": "image/jpeg", "kind": "checkin_image"}


def fields(event):
    return [error.field for error in event_errors(event)]


class TestEventErrors:
    def test_finds_nothing_wrong_with_a_good_event(self, chain):
        assert event_errors(chain.event(files=[FILE])) == ()

    def test_passes_event_types_it_does_not_know(self, chain):
        assert event_errors(chain.event("seed.committed", {"commitment": "x"})) == ()

    @pytest.mark.clause("CC-A2-3.1")
    def test_demands_that_every_event_says_whether_it_proves_a_claim(self, chain):
        event = chain.event()
        del event["claimable"]
        assert fields(event) == ["claimable"]

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("event_id", "11111111-1111-4111-8111-111111111111"),
            ("event_type", "Checkin"),
            ("event_type", ["checkin.completed"]),
            ("schema", "2.0"),
            ("platform_id", ""),
            ("region", "2201"),
            ("class_code", None),
            ("learner_ref", 7),
            ("seq", 0),
            ("seq", True),
            ("seq", "1"),
            ("occurred_at", "2026-03-02T09:14:07"),
            ("recorded_at", "soon"),
            ("pack", 1),
            ("corrects", "x"),
            ("claimable", 1),
            ("prev_hash", "A" * 64),
            ("payload_hash", "0" * 63),
            ("files", {}),
            ("files", [{**FILE, "path": "/etc"}]),
            ("files", [{**FILE, "bytes": -1}]),
            ("payload", []),
        ],
    )
    def test_names_the_wrong_member(self, chain, name, value):
        assert fields({**chain.event(), name: value}) == [name]

    def test_refuses_members_nobody_asked_for(self, chain):
        assert fields({**chain.event(), "id_no": "x"}) == ["id_no"]

    def test_notices_a_changed_payload(self, chain):
        event = chain.event()
        event["payload"]["result"] = "failed"
        assert fields(event) == ["payload_hash"]

    @pytest.mark.parametrize("payload", [{"score": 0.9}, {"n": 2**60}, {"姓名": "x"}])
    def test_refuses_values_without_a_canonical_form(self, chain, payload):
        event = {**chain.event(), "payload": payload}
        assert fields(event) == ["payload"]

    def test_refuses_an_id_number_in_clear(self, chain):
        assert fields(chain.event(payload={"result": "passed", "note": f"证件{SAMPLE_ID}"})) == ["payload"]

    @pytest.mark.parametrize(
        ("event_type", "payload", "field"),
        [
            ("checkin.completed", {"result": "perhaps"}, "payload.result"),
            ("lesson.completed", {"hours_granted": -1}, "payload.hours_granted"),
            ("lesson.completed", {"lesson_id": "L1"}, "payload.hours_granted"),
            ("event.voided", {"reason": "x"}, "corrects"),
        ],
    )
    def test_demands_what_the_reconciliation_needs(self, chain, event_type, payload, field):
        assert fields(chain.event(event_type, payload)) == [field]

    @given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
    def test_survives_anything(self, value):
        assert event_errors(value)
        event = Chain().event()
        for name in event:
            event_errors({**event, name: value})


class TestHoldsIdNumber:
    @pytest.mark.parametrize("text", [SAMPLE_ID, SAMPLE_ID.lower(), f"x {SAMPLE_ID},"])
    def test_finds_a_valid_number(self, text):
        assert holds_id_number(text.encode())

    @pytest.mark.parametrize("text", ["110105194912310021", "11010519491331002X", f"a{SAMPLE_ID}", "1" * 64])
    def test_leaves_other_digits_alone(self, text):
        assert not holds_id_number(text.encode())


class TestEntryHash:
    def test_does_not_depend_on_the_payload_itself(self, chain):
        event = chain.event()
        assert entry_hash(event) == entry_hash({**event, "payload": {}})

    def test_depends_on_every_other_member(self, chain):
        event = chain.event()
        hashes = {entry_hash({**event, name: "changed"}) for name in event if name != "payload"}
        assert len(hashes | {entry_hash(event)}) == len(event)

    def test_does_not_depend_on_the_order_of_members(self, chain):
        event = chain.event()
        assert entry_hash(dict(reversed(event.items()))) == entry_hash(copy.deepcopy(event))

    def test_equals_the_hash_of_the_platforms_ledger(self, work):
        from app.core.ids import new_id
        from app.core.ledger import Fact, append, open_chain

        chain_id = new_id()
        open_chain(work, chain_id, code="K1", region="220100", pack="demo@1", is_claimable=False)
        fact = Fact(event_type="checkin.completed", payload={"result": "passed"}, occurred_at=work.now)
        entry = append(work, chain_id, fact, platform_id="P001")
        event = {**entry.envelope, "payload": entry.payload}
        assert event_errors(event) == ()
        assert (entry_hash(event), payload_hash(entry.payload)) == (entry.entry_hash, entry.payload_hash)
