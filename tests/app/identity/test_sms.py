from __future__ import annotations

import re
from dataclasses import replace

import pytest
from sqlalchemy import event, select, text

from app.identity import queries
from app.identity.adapters.local_sms import LocalSms
from app.identity.errors import CodeRefused, CodesUsedUp, CodeTooSoon, PhoneRefused, SignInLocked
from app.identity.events import PersonActivated
from app.identity.models import Account, SmsCode, SmsOutbox
from app.identity.outcomes import Refused, Signed
from app.identity.sessions import authenticate
from app.identity.sms import request_sms_code, sign_in_by_sms
from tests.app.identity.samples import make_phone

PHONE = make_phone(1)


def code_in_outbox(desk) -> str:
    newest = queries.recent_messages(desk.session, desk.vault, now=desk.clock.now())[0]
    return re.search(r"\d{6}", newest.text)[0]


def ask(desk, phone=PHONE, **more) -> int:
    """Ask for a code, as the one browser that `enter` uses."""
    sent = request_sms_code(desk.work(), phone=phone, sender=LocalSms(), **more)
    desk.browser = sent.browser
    return sent.resend_after_s


def enter(desk, code, phone=PHONE, **more):
    return sign_in_by_sms(desk.work(), **({"phone": phone, "code": code, "browser": desk.browser} | more))


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


@pytest.mark.clause("CC-A2-4.2")
class TestRequestSmsCode:
    def test_sends_six_digits_in_plain_words(self, desk, listed):
        listed(1)
        assert ask(desk) == 60
        (message,) = queries.recent_messages(desk.session, desk.vault, now=desk.clock.now())
        assert re.fullmatch(r"【证学】您的登录验证码是\d{6}，5分钟内有效。.*", message.text)
        assert message.phone_masked == "199****0001"

    def test_keeps_neither_code_nor_phone_in_clear(self, desk, listed):
        listed(1)
        ask(desk)
        code = code_in_outbox(desk)
        for table in ("sms_code", "sms_outbox"):
            row = desk.session.execute(text(f"SELECT row_to_json(t)::text FROM {table} t")).scalar_one()
            assert PHONE not in row
            assert f'"{code}"' not in row
            assert "验证码" not in row

    def test_answers_an_unknown_phone_alike_but_sends_nothing(self, desk, listed):
        listed(1)
        assert ask(desk, make_phone(99)) == 60
        assert desk.session.scalars(select(SmsOutbox)).all() == []
        assert desk.session.scalar(select(SmsCode.person_id)) is None
        with pytest.raises(CodeTooSoon):
            ask(desk, make_phone(99))

    def test_asks_the_database_the_same_for_known_and_unknown_phones(self, desk, listed):
        listed(1)
        statements = {make_phone(1): [], make_phone(99): []}
        for phone, seen in statements.items():
            listen = ("before_cursor_execute", lambda *args, seen=seen: seen.append(args[2].split("(")[0]))
            event.listen(desk.session.connection(), *listen)
            ask(desk, phone)
            event.remove(desk.session.connection(), *listen)
        known, unknown = statements.values()
        assert [one for one in known if "sms_outbox" not in one] == unknown

    def test_sends_the_next_one_after_a_minute(self, desk, listed):
        listed(1)
        ask(desk)
        desk.pass_time(seconds=59)
        with pytest.raises(CodeTooSoon, match="1秒后"):
            ask(desk)
        desk.pass_time(seconds=1)
        ask(desk)

    def test_sends_seven_a_day_to_strangers_and_ten_in_all(self, desk, listed):
        listed(1)
        ask(desk)
        device = enter(desk, code_in_outbox(desk)).device
        for _ in range(6):
            desk.pass_time(minutes=1)
            ask(desk)
        desk.pass_time(minutes=1)
        with pytest.raises(CodesUsedUp, match="请明天再试"):
            ask(desk)
        for _ in range(3):
            ask(desk, device=device)
            desk.pass_time(minutes=1)
        with pytest.raises(CodesUsedUp):
            ask(desk, device=device)
        desk.pass_time(hours=24)
        ask(desk)

    def test_does_not_let_a_stranger_keep_a_known_browser_waiting(self, desk, listed):
        listed(1)
        ask(desk)
        device = enter(desk, code_in_outbox(desk)).device
        desk.pass_time(minutes=1)
        ask(desk)
        ask(desk, device=device)
        with pytest.raises(CodeTooSoon):
            ask(desk, device=device)

    def test_does_not_know_the_mark_of_another_phone(self, desk, listed):
        listed(1)
        ask(desk)
        device = enter(desk, code_in_outbox(desk)).device
        ask(desk, make_phone(2))
        with pytest.raises(CodeTooSoon):
            ask(desk, make_phone(2), device=device)

    def test_stops_one_address_that_walks_through_phones(self, desk):
        for number in range(600):
            ask(desk, make_phone(number))
        with pytest.raises(CodeTooSoon, match="本网络"):
            ask(desk, make_phone(9999))

    def test_refuses_what_is_no_phone(self, desk):
        with pytest.raises(PhoneRefused):
            ask(desk, "9" * 1_000_000)


@pytest.mark.clause("CC-A2-4.2")
class TestSignInBySms:
    def test_activates_the_account_the_first_time(self, desk, listed):
        person = listed(1)
        ask(desk)
        signed = enter(desk, code_in_outbox(desk))
        assert isinstance(signed, Signed)
        assert (person.status, person.phone_verified_at) == ("activated", desk.clock.now())
        assert authenticate(desk.session, signed.token, now=desk.clock.now()).person_id == person.id
        assert [heard.person_id for heard in desk.heard_of(PersonActivated)] == [person.id]

    def test_keeps_the_account_the_second_time(self, desk, listed):
        listed(1)
        accounts = []
        for _ in range(2):
            ask(desk)
            accounts.append(enter(desk, code_in_outbox(desk)).account_id)
            desk.pass_time(minutes=2)
        assert accounts[0] == accounts[1]
        assert len(desk.heard_of(PersonActivated)) == 1

    def test_takes_a_code_once(self, desk, listed):
        listed(1)
        ask(desk)
        code = code_in_outbox(desk)
        assert isinstance(enter(desk, code), Signed)
        assert isinstance(enter(desk, code), Refused)

    def test_takes_a_code_for_five_minutes(self, desk, listed):
        listed(1)
        ask(desk)
        code = code_in_outbox(desk)
        desk.pass_time(minutes=5)
        assert isinstance(enter(desk, code), Refused)

    def test_takes_a_code_only_in_the_browser_that_asked(self, desk, listed):
        listed(1)
        ask(desk)
        code = code_in_outbox(desk)
        for browser in (None, "", "x" * 1_000_000, "another"):
            assert isinstance(enter(desk, code, browser=browser), Refused)
        assert isinstance(enter(desk, code), Signed)

    def test_does_not_let_a_stranger_use_up_a_code(self, desk, listed):
        listed(1)
        ask(desk)
        code, mine = code_in_outbox(desk), desk.browser
        for _ in range(9):
            enter(desk, wrong(code), browser="stranger")
        desk.pass_time(minutes=1)
        ask(desk)
        for _ in range(9):
            enter(desk, wrong(code_in_outbox(desk)))
        assert isinstance(enter(desk, code, browser=mine), Signed)

    def test_takes_only_the_latest_code(self, desk, listed):
        listed(1)
        ask(desk)
        old = code_in_outbox(desk)
        desk.pass_time(minutes=1)
        ask(desk)
        if code_in_outbox(desk) != old:
            assert isinstance(enter(desk, old), Refused)

    def test_takes_the_right_code_at_the_fifth_try_and_not_at_the_sixth(self, desk, listed):
        listed(1)
        for tries, outcome in ((4, Signed), (5, Refused)):
            ask(desk)
            code = code_in_outbox(desk)
            for _ in range(tries):
                assert isinstance(enter(desk, wrong(code)), Refused)
            assert isinstance(enter(desk, code), outcome)
            desk.pass_time(minutes=1)
        assert [entry.reason for entry in desk.audited("sign_in")].count("code_locked") == 2

    def test_does_not_take_the_code_of_another_phone(self, desk, listed):
        listed(1)
        listed(2)
        ask(desk, make_phone(1))
        code = code_in_outbox(desk)
        desk.pass_time(seconds=1)
        ask(desk, make_phone(2))
        if code_in_outbox(desk) != code:
            assert isinstance(enter(desk, code, phone=make_phone(2)), Refused)

    def test_answers_unknown_phones_and_wrong_codes_alike(self, desk, listed):
        listed(1)
        ask(desk, make_phone(99))
        ask(desk)
        answers = [
            enter(desk, wrong(code_in_outbox(desk))),
            enter(desk, "123456", phone=make_phone(99)),
            enter(desk, "123456", phone=make_phone(98)),
            enter(desk, "123456", browser=None),
            enter(desk, "1" * 16),
        ]
        assert {(type(one.error), one.error.detail) for one in answers} == {(CodeRefused, CodeRefused.title)}

    def test_refuses_a_right_code_once_the_phone_went_to_another(self, desk, listed):
        listed(1)
        ask(desk)
        code = code_in_outbox(desk)
        listed(1, phone=make_phone(50))
        assert isinstance(enter(desk, code), Refused)

    def test_signs_in_the_first_of_two_who_share_a_phone(self, desk, listed):
        first, second = listed(1), listed(2, phone=PHONE)
        ask(desk)
        enter(desk, code_in_outbox(desk))
        assert (first.status, second.status) == ("activated", "imported")

    def test_refuses_a_closed_account(self, desk, listed):
        listed(1)
        ask(desk)
        signed = enter(desk, code_in_outbox(desk))
        desk.session.get_one(Account, signed.account_id).disabled_at = desk.clock.now()
        desk.pass_time(minutes=1)
        ask(desk)
        assert isinstance(enter(desk, code_in_outbox(desk)), Refused)

    def test_changes_the_token(self, desk, listed):
        listed(1)
        ask(desk)
        first = enter(desk, code_in_outbox(desk))
        desk.pass_time(minutes=1)
        ask(desk)
        second = enter(desk, code_in_outbox(desk), replaces=first.token)
        assert authenticate(desk.session, first.token, now=desk.clock.now()) is None
        assert authenticate(desk.session, second.token, now=desk.clock.now())

    def test_stops_one_address_that_guesses(self, desk, listed):
        listed(1)
        for number in range(1000):
            enter(desk, "000000", phone=make_phone(number), browser=None)
        with pytest.raises(SignInLocked):
            enter(desk, "000000", browser=None)
        elsewhere = desk.work()
        elsewhere = replace(elsewhere, actor=replace(elsewhere.actor, ip="203.0.113.99"))
        assert isinstance(sign_in_by_sms(elsewhere, phone=PHONE, code="000000", browser=None), Refused)

    def test_writes_success_and_refusal_into_the_audit_trail_without_the_phone(self, desk, listed):
        listed(1)
        ask(desk)
        enter(desk, wrong(code_in_outbox(desk)))
        enter(desk, code_in_outbox(desk))
        refused, done = desk.audited("sign_in")
        assert (refused.outcome, done.outcome, done.details) == ("refused", "done", {"method": "sms_code"})
        rows = desk.session.execute(text("SELECT json_agg(a)::text FROM audit_entry a")).scalar_one()
        assert PHONE not in rows
