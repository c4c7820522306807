from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event, select, text

from app.core.security import token_hash
from app.identity.models import Account, LoginSession
from app.identity.sessions import accounts_by_tokens, authenticate, end_all_sessions, sign_out, start_session
from app.identity.staff import disable_account


@pytest.fixture
def trainee(desk, listed) -> Account:
    person = listed(1)
    account = Account(
        kind="trainee", role="trainee", person_id=person.id, display_name="学员", created_at=desk.clock.now()
    )
    desk.session.add(account)
    desk.session.flush()
    return account


class TestStartSession:
    def test_stores_only_the_hash_of_the_token(self, desk, trainee):
        token = start_session(desk.work(), trainee)
        stored = desk.session.execute(text("SELECT row_to_json(s)::text FROM login_session s")).scalar_one()
        assert token not in stored
        assert token_hash(token) in stored

    def test_ends_the_session_the_browser_showed(self, desk, trainee):
        planted = start_session(desk.work(), trainee)
        fresh = start_session(desk.work(), trainee, replaces=planted)
        assert authenticate(desk.session, planted, now=desk.clock.now()) is None
        assert authenticate(desk.session, fresh, now=desk.clock.now()) is not None
        assert fresh != planted


class TestAuthenticate:
    def test_tells_who_it_is(self, desk, trainee):
        found = authenticate(desk.session, start_session(desk.work(), trainee), now=desk.clock.now())
        assert (found.account_id, found.role, found.person_id) == (trainee.id, "trainee", trainee.person_id)

    @pytest.mark.parametrize("token", ["", "wrong", "x" * 129, pytest.param("x" * 1_000_000, id="a million")])
    def test_knows_nobody_by_another_token(self, desk, trainee, token):
        start_session(desk.work(), trainee)
        assert authenticate(desk.session, token, now=desk.clock.now()) is None

    def test_ends_after_two_idle_hours_of_a_trainee(self, desk, trainee):
        token = start_session(desk.work(), trainee)
        desk.pass_time(minutes=119, seconds=59)
        assert authenticate(desk.session, token, now=desk.clock.now())
        desk.pass_time(minutes=120)
        assert authenticate(desk.session, token, now=desk.clock.now()) is None

    def test_ends_after_half_an_idle_hour_of_staff(self, desk, staff):
        token = start_session(desk.work(), desk.session.get_one(Account, staff.account_id))
        desk.pass_time(minutes=30)
        assert authenticate(desk.session, token, now=desk.clock.now()) is None

    def test_ends_after_twelve_hours_even_in_use(self, desk, trainee):
        token = start_session(desk.work(), trainee)
        for _ in range(12 * 60 - 1):
            desk.pass_time(minutes=1)
            assert authenticate(desk.session, token, now=desk.clock.now())
        desk.pass_time(minutes=1)
        assert authenticate(desk.session, token, now=desk.clock.now()) is None

    def test_ends_with_the_account(self, desk, trainee):
        token = start_session(desk.work(), trainee)
        trainee.disabled_at = desk.clock.now()
        desk.session.flush()
        assert authenticate(desk.session, token, now=desk.clock.now()) is None

    def test_touches_the_session_once_a_minute_at_most(self, desk, trainee):
        token = start_session(desk.work(), trainee)
        began = desk.clock.now()
        seen = select(LoginSession.seen_at)
        desk.pass_time(seconds=59)
        authenticate(desk.session, token, now=desk.clock.now())
        assert desk.session.scalar(seen) == began
        desk.pass_time(seconds=1)
        authenticate(desk.session, token, now=desk.clock.now())
        assert desk.session.scalar(seen) == began + timedelta(minutes=1)


class TestAccountsByTokens:
    def test_finds_many_in_one_statement(self, desk, trainee, staff):
        tokens = [start_session(desk.work(), trainee) for _ in range(3)]
        tokens.append(start_session(desk.work(), desk.session.get_one(Account, staff.account_id)))
        seen = []
        listen = ("before_cursor_execute", lambda *args: seen.append(args[2]))
        desk.pass_time(minutes=2)
        event.listen(desk.session.connection(), *listen)
        found = accounts_by_tokens(desk.session, [*tokens, "unknown"], now=desk.clock.now())
        event.remove(desk.session.connection(), *listen)
        assert set(found) == {token_hash(token) for token in tokens}
        assert found[token_hash(tokens[3])].organization_id is not None
        assert len(seen) == 1

    def test_asks_nothing_for_nobody(self, desk):
        assert accounts_by_tokens(desk.session, [], now=desk.clock.now()) == {}


class TestSignOut:
    def test_ends_the_session_at_once(self, desk, trainee):
        token = start_session(desk.work(), trainee)
        sign_out(desk.work(account_id=trainee.id), token=token)
        assert authenticate(desk.session, token, now=desk.clock.now()) is None
        assert [entry.subject_id for entry in desk.audited("sign_out")] == [trainee.id]

    def test_is_harmless_for_a_token_of_nobody(self, desk):
        sign_out(desk.work(), token="nobody")


class TestEndAllSessions:
    def test_can_keep_the_present_one(self, desk, trainee):
        kept, other = (start_session(desk.work(), trainee) for _ in range(2))
        end_all_sessions(desk.work(), account_id=trainee.id, except_token=kept)
        assert authenticate(desk.session, kept, now=desk.clock.now())
        assert authenticate(desk.session, other, now=desk.clock.now()) is None

    def test_happens_when_an_account_is_closed(self, desk, trainee):
        token = start_session(desk.work(), trainee)
        disable_account(desk.work(), account_id=trainee.id, reason="离职")
        assert authenticate(desk.session, token, now=desk.clock.now()) is None

    def test_happens_when_the_phone_changes(self, desk, listed, trainee):
        token = start_session(desk.work(), trainee)
        listed(1, phone="19900000099")
        assert authenticate(desk.session, token, now=desk.clock.now()) is None
