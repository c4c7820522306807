from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core import audit
from app.core.work import Work


@pytest.mark.clause("CC-4.1.6")
class TestSeal:
    def test_chains_what_is_old_enough(self, work: Work):
        audit.record(work, "view_evidence", reason="抽查")
        work.session.flush()
        assert audit.seal(work.session, now=work.now + timedelta(minutes=1)) is None
        first = audit.seal(work.session, now=work.now + timedelta(minutes=6))
        assert first is not None
        assert first.entry_count == 1
        assert audit.seal(work.session, now=work.now + timedelta(minutes=7)) is None
        assert audit.find_broken_seal(work.session) is None

    def test_finds_a_removed_row_even_when_the_database_was_forced(self, work: Work):
        for reason in ("一", "二"):
            audit.record(work, "view_evidence", reason=reason)
        work.session.flush()
        made = audit.seal(work.session, now=work.now + timedelta(minutes=6))
        work.session.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER USER"))
        work.session.execute(text("DELETE FROM audit_entry WHERE reason = '一'"))
        work.session.expire_all()
        assert audit.find_broken_seal(work.session) is made


class TestRecord:
    def test_is_final(self, work: Work):
        audit.record(work, "sign_in")
        work.session.flush()
        with pytest.raises(IntegrityError, match="append-only"):
            work.session.execute(text("DELETE FROM audit_entry"))
