from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core import ledger
from app.core.canonical import NotCanonical
from app.core.ids import new_id
from app.core.ledger import Fact
from app.core.work import Work


@pytest.fixture
def chain_id(work: Work):
    made = new_id()
    ledger.open_chain(work, made, code="C-1", region="220100", pack="changchun@2020.1", is_claimable=True)
    return made


def fact(work: Work, **payload) -> Fact:
    return Fact(event_type="lesson.completed", payload=payload, occurred_at=work.now)


@pytest.mark.clause("CC-4.1.6")
class TestAppend:
    def test_numbers_and_links_entries(self, work: Work, chain_id):
        first = ledger.append(work, chain_id, fact(work, hours=1), platform_id="P001")
        second = ledger.append(work, chain_id, fact(work, hours=2), platform_id="P001")
        assert (first.seq, second.seq) == (1, 2)
        assert first.prev_hash == ledger.GENESIS
        assert second.prev_hash == first.entry_hash
        assert ledger.find_break(ledger.entries_of(work.session, chain_id)) is None

    def test_puts_each_entry_into_the_outbox_and_one_job_per_chain(self, work: Work, chain_id):
        ledger.append(work, chain_id, fact(work, hours=1), platform_id="P001")
        ledger.append(work, chain_id, fact(work, hours=2), platform_id="P001")
        assert work.session.scalar(text("SELECT count(*) FROM outbox_message")) == 2
        assert work.session.scalar(text("SELECT count(*) FROM procrastinate_jobs")) == 1

    def test_refuses_a_payload_without_canonical_form(self, work: Work, chain_id):
        with pytest.raises(NotCanonical):
            ledger.append(work, chain_id, fact(work, score=0.5), platform_id="P001")

    def test_refuses_a_chain_that_was_never_opened(self, work: Work):
        with pytest.raises(ledger.ChainNotFound):
            ledger.append(work, new_id(), fact(work), platform_id="P001")

    @pytest.mark.parametrize("statement", ["UPDATE ledger_entry SET seq = 9", "DELETE FROM ledger_entry"])
    def test_is_final_in_the_database_itself(self, work: Work, chain_id, statement: str):
        ledger.append(work, chain_id, fact(work, hours=1), platform_id="P001")
        with pytest.raises(IntegrityError, match="append-only"):
            work.session.execute(text(statement))


@pytest.mark.clause("CC-4.1.6")
class TestFindBreak:
    @pytest.fixture
    def entries(self, work: Work, chain_id):
        for hours in range(4):
            ledger.append(work, chain_id, fact(work, hours=hours), platform_id="P001")
        found = ledger.entries_of(work.session, chain_id)
        work.session.expunge_all()
        return found

    def test_names_a_missing_entry(self, entries):
        assert ledger.find_break(entries[:1] + entries[2:]) == ledger.Break(seq=2, reason="gap")

    def test_names_a_changed_payload(self, entries):
        entries[2].payload = {"hours": 99}
        assert ledger.find_break(entries) == ledger.Break(seq=3, reason="payload_changed")

    def test_names_a_changed_envelope(self, entries):
        entries[1].envelope = {**entries[1].envelope, "occurred_at": "2020-01-01T00:00:00.000+08:00"}
        assert ledger.find_break(entries) == ledger.Break(seq=2, reason="envelope_changed")
