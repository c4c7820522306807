from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.audit import AuditEntry
from app.core.settings import Settings
from app.identity.models import LoginSession
from app.wiring import build
from tests.api.conftest import PASSWORD, Browser
from tests.app.identity.samples import make_phone

pytestmark = pytest.mark.commits
MILLION = 1_000_000


class TestSmsCodes:
    def test_answer_known_and_unknown_phones_alike(self, browser, listed):
        listed(1)
        guest = browser()
        answers = [guest.post("/auth/sms-codes", {"phone": make_phone(number)}) for number in (1, 99)]
        assert [(one.status_code, one.json()) for one in answers] == [(202, {"resend_after_s": 60})] * 2
        again = [guest.post("/auth/sms-codes", {"phone": make_phone(number)}) for number in (1, 99)]
        assert {(one.status_code, one.json()["code"], one.headers["retry-after"]) for one in again} == {
            (429, "sms-code-too-soon", "60")
        }

    @pytest.mark.parametrize(
        "body",
        [
            {"phone": "9" * MILLION},
            {"phone": "123"},
            {"phone": None},
            {"phone": 19900000001},
            {"phone": "1990000000\x00"},
            {},
            [],
        ],
        ids=["a million", "short", "null", "number", "nul", "empty", "list"],
    )
    def test_refuse_what_is_no_phone(self, browser, body):
        answer = browser().post("/auth/sms-codes", body)
        assert answer.status_code == 422
        assert len(answer.content) < 2000

    def test_refuse_another_site(self, browser):
        guest = browser()
        assert guest.post("/auth/sms-codes", {"phone": make_phone(1)}, headers={}).json()["code"] == "cross-site"
        crossing = {"X-Requested-With": "zhengxue", "Sec-Fetch-Site": "cross-site"}
        assert guest.post("/auth/sms-codes", {"phone": make_phone(1)}, headers=crossing).status_code == 403


class TestSmsSignIn:
    def test_tells_the_trainee_what_to_do_next(self, browser, listed):
        listed(1)
        trainee = browser()
        me = trainee.sign_in().json()
        assert (me["role"], me["display_name"], me["organization"]) == ("trainee", "温**", None)
        assert [(step["key"], step["done"]) for step in me["steps"]] == [
            ("activate", True),
            ("consents", False),
            ("real_name", False),
            ("identity_method", False),
            ("learn", False),
        ]
        assert trainee.get("/auth/me").json() == me

    def test_sets_a_cookie_that_scripts_and_other_sites_cannot_use(self, browser, listed):
        listed(1)
        cookies = browser().sign_in().headers.get_list("set-cookie")
        assert [cookie.partition("=")[0] for cookie in cookies] == ["zx_session", "zx_device"]
        for cookie in cookies:
            assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))

    def test_gives_a_new_token_and_ends_a_planted_one(self, browser, listed):
        listed(1)
        attacker, victim = browser(), browser()
        attacker.sign_in()
        planted = attacker.token
        victim.plant(planted)
        victim.sign_in()
        assert victim.token != planted
        assert attacker.get("/auth/me").status_code == 401

    def test_counts_wrong_codes_although_it_refuses(self, browser, listed):
        listed(1)
        guest = browser()
        guest.post("/auth/sms-codes", {"phone": make_phone(1)})
        code = guest.code()
        body = {"phone": make_phone(1), "code": f"{(int(code) + 1) % 10**6:06d}"}
        assert {guest.post("/auth/sms-sign-in", body).json()["code"] for _ in range(5)} == {"sms-code-refused"}
        assert guest.post("/auth/sms-sign-in", body | {"code": code}).status_code == 401
        with guest.platform.unit() as work:
            assert work.session.scalars(select(AuditEntry.reason)).all().count("code_locked") == 2

    def test_takes_a_code_once(self, browser, listed):
        listed(1)
        guest, thief = browser(), browser()
        guest.post("/auth/sms-codes", {"phone": make_phone(1)})
        body = {"phone": make_phone(1), "code": guest.code()}
        assert guest.post("/auth/sms-sign-in", body).status_code == 200
        assert thief.post("/auth/sms-sign-in", body).status_code == 401
        assert guest.post("/auth/sms-sign-in", body).status_code == 401

    def test_takes_a_code_only_in_the_browser_that_asked(self, browser, listed):
        listed(1)
        guest, thief = browser(), browser()
        guest.post("/auth/sms-codes", {"phone": make_phone(1)})
        body = {"phone": make_phone(1), "code": guest.code()}
        assert thief.post("/auth/sms-sign-in", body).status_code == 401
        assert guest.post("/auth/sms-sign-in", body).status_code == 200

    @pytest.mark.parametrize("code", ["1" * MILLION, "", "竹" * 6, "\x00" * 6], ids=["million", "empty", "han", "nul"])
    def test_refuses_odd_codes(self, browser, listed, code):
        listed(1)
        guest = browser()
        guest.post("/auth/sms-codes", {"phone": make_phone(1)})
        assert guest.post("/auth/sms-sign-in", {"phone": make_phone(1), "code": code}).status_code in {401, 422}


class TestSignIn:
    def test_lets_staff_in_with_two_factors(self, hired):
        me = hired().get("/auth/me").json()
        assert (me["role"], me["steps"], me["organization"]["kind"]) == ("institution_author", None, "institution")
        assert me["must_change_password"] is False

    def test_refuses_alike_and_locks_alike(self, browser, hired, clock):
        hired()
        guest = browser(ip="203.0.113.50")
        for name in ("clerk", "nobody"):
            body = {"login_name": name, "password": "wrong", "totp": "000000"}
            answers = [guest.post("/auth/sign-in", body) for _ in range(7)]
            assert [one.status_code for one in answers] == [401] * 5 + [429] * 2
            assert {one.json()["code"] for one in answers} == {"sign-in-refused", "sign-in-locked"}

    def test_lets_the_right_person_in_while_a_stranger_guesses(self, browser, hired, clock):
        known = hired()
        guest = browser(ip="203.0.113.50")
        body = {"login_name": "clerk", "password": "wrong", "totp": "000000"}
        while guest.post("/auth/sign-in", body).status_code != 429:
            pass
        clock.advance(timedelta(seconds=30))
        good = {"login_name": "clerk", "password": PASSWORD, "totp": known.totp.at(clock.now())}
        assert guest.post("/auth/sign-in", good).status_code == 429
        assert known.post("/auth/sign-in", good).status_code == 200

    def test_takes_a_one_time_code_once(self, browser, hired, clock):
        known = hired()
        body = {"login_name": "clerk", "password": PASSWORD, "totp": known.totp.at(clock.now())}
        assert browser().post("/auth/sign-in", body).status_code == 401

    @pytest.mark.parametrize("member", ["login_name", "password", "totp"])
    def test_refuses_a_million_characters(self, browser, member):
        body = {"login_name": "clerk", "password": "x", "totp": "000000"} | {member: "x" * MILLION}
        answer = browser().post("/auth/sign-in", body)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == f"/{member}"


class TestSignOut:
    def test_ends_the_session_for_every_copy_of_the_cookie(self, browser, listed):
        listed(1)
        trainee, thief = browser(), browser()
        trainee.sign_in()
        thief.plant(trainee.token)
        assert thief.get("/auth/me").status_code == 200
        answer = trainee.post("/auth/sign-out")
        assert answer.status_code == 204
        assert 'zx_session=""' in answer.headers["set-cookie"]
        assert thief.get("/auth/me").json()["code"] == "sign-in-needed"

    def test_needs_somebody_signed_in(self, browser):
        assert browser().post("/auth/sign-out").status_code == 401


class TestMe:
    def test_is_over_after_two_idle_hours(self, browser, listed, clock):
        listed(1)
        trainee = browser()
        trainee.sign_in()
        clock.advance(timedelta(minutes=119))
        assert trainee.get("/auth/me").status_code == 200
        clock.advance(timedelta(minutes=120))
        assert trainee.get("/auth/me").status_code == 401

    @pytest.mark.parametrize("token", ["x", "x" * 4000, "a.b.c", "%00"])
    def test_is_nobody_with_a_made_up_cookie(self, browser, token):
        guest = browser()
        guest.plant(token)
        assert guest.get("/auth/me").status_code == 401


class TestPassword:
    def test_is_changed_by_its_owner(self, hired, clock):
        clerk = hired()
        body = {"old_password": PASSWORD, "new_password": "Willow-river-9"}
        assert clerk.post("/auth/password", body).status_code == 204
        assert clerk.get("/auth/me").status_code == 200
        clock.advance(timedelta(seconds=30))
        sign_in = {"login_name": "clerk", "password": "Willow-river-9", "totp": clerk.totp.at(clock.now())}
        assert clerk.post("/auth/sign-in", sign_in).status_code == 200

    def test_needs_the_old_one(self, hired):
        body = {"old_password": "wrong", "new_password": "Willow-river-9"}
        assert hired().post("/auth/password", body).status_code == 401

    def test_says_what_is_weak(self, hired):
        answer = hired().post("/auth/password", {"old_password": PASSWORD, "new_password": "12345678"})
        assert (answer.status_code, answer.json()["code"]) == (422, "password-weak")

    def test_is_not_for_trainees(self, browser, listed):
        listed(1)
        trainee = browser()
        trainee.sign_in()
        body = {"old_password": PASSWORD, "new_password": "Willow-river-9"}
        assert trainee.post("/auth/password", body).status_code == 403

    def test_must_be_changed_after_ninety_days(self, hired, clock):
        clerk = hired()
        clock.advance(timedelta(days=90))
        sign_in = {"login_name": "clerk", "password": PASSWORD, "totp": clerk.totp.at(clock.now())}
        assert clerk.post("/auth/sign-in", sign_in).json()["must_change_password"] is True


class TestSmsOutbox:
    def test_shows_masked_phones(self, browser, listed):
        listed(1)
        guest = browser()
        guest.post("/auth/sms-codes", {"phone": make_phone(1)})
        (item,) = guest.get("/sms-outbox").json()["items"]
        assert item["phone_masked"] == "199****0001"

    def test_is_not_there_in_production(self, database_url, clock, tmp_path, listed, browser):
        listed(1)
        settings = Settings(
            environment="production", public_url="https://px.example.cn", secret="s" * 40, var_dir=tmp_path
        )
        made = build(settings, database_url=database_url, clock=clock)
        guest = Browser(made, clock)
        assert guest.post("/auth/sms-codes", {"phone": make_phone(1)}).status_code == 202
        assert guest.get("/sms-outbox").status_code == 404
        made.close()


class TestSessionTable:
    def test_holds_no_token(self, browser, listed):
        listed(1)
        trainee = browser()
        trainee.sign_in()
        with trainee.platform.unit() as work:
            stored = work.session.scalars(select(LoginSession)).one()
            assert trainee.token not in {stored.token_hash, str(stored.id)}
