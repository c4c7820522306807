from __future__ import annotations

from datetime import timedelta
from statistics import median
from time import perf_counter

import pyotp
import pytest
from sqlalchemy import select

from app.identity.errors import (
    LoginNameTaken,
    PasswordWeak,
    RoleRefused,
    SessionEnded,
    SignInLocked,
    SignInRefused,
)
from app.identity.models import Account
from app.identity.outcomes import Refused, Signed
from app.identity.passwords import find_totp_step, sign_in_by_password
from app.identity.people import import_organization
from app.identity.rules.passwords import approve_password
from app.identity.sessions import authenticate
from app.identity.staff import change_password, create_staff, disable_account, renew_factors
from tests.app.identity.conftest import PASSWORD


class Door:
    """Tries to come in."""

    def __init__(self, desk, staff):
        self.desk, self.totp = desk, pyotp.TOTP(staff.totp_secret)

    def code(self, *, off_s: int = 0) -> str:
        return self.totp.at(self.desk.clock.now() + timedelta(seconds=off_s))

    def enter(self, *, name="clerk", password=PASSWORD, totp=None, **more):
        return sign_in_by_password(
            self.desk.unit, login_name=name, password=password, totp=self.code() if totp is None else totp, **more
        )


@pytest.fixture
def door(desk, staff) -> Door:
    return Door(desk, staff)


class TestSignInByPassword:
    def test_lets_the_right_person_in(self, desk, door, staff):
        signed = door.enter(name=" CLERK ")
        assert isinstance(signed, Signed)
        found = authenticate(desk.session, signed.token, now=desk.clock.now())
        assert (found.account_id, found.role) == (staff.account_id, "institution_author")

    @pytest.mark.parametrize(
        "wrong", [{"password": "Bamboo-forest-8"}, {"totp": "000000"}, {"name": "nobody"}, {"totp": ""}]
    )
    def test_says_the_same_whatever_is_wrong(self, door, wrong):
        outcome = door.enter(**wrong)
        assert isinstance(outcome, Refused)
        assert type(outcome.error) is SignInRefused
        assert outcome.error.detail == SignInRefused.title

    def test_takes_a_one_time_code_once(self, desk, door):
        code = door.code()
        assert isinstance(door.enter(totp=code), Signed)
        assert isinstance(door.enter(totp=code), Refused)
        assert [entry.reason for entry in desk.audited("sign_in")] == [None, "replayed_totp"]
        desk.pass_time(seconds=30)
        assert isinstance(door.enter(), Signed)

    def test_never_takes_an_older_code_after_a_newer_one(self, door):
        assert isinstance(door.enter(totp=door.code(off_s=30)), Signed)
        assert isinstance(door.enter(totp=door.code()), Refused)

    def test_does_not_use_up_the_code_of_a_wrong_password(self, door):
        door.enter(password="wrong")
        assert isinstance(door.enter(), Signed)

    def test_locks_after_five_failures_for_a_quarter_of_an_hour(self, desk, door):
        for _ in range(5):
            assert isinstance(door.enter(password="wrong"), Refused)
        with pytest.raises(SignInLocked, match="15分钟后"):
            door.enter()
        assert len(desk.audited("lock_sign_in")) == 1
        desk.pass_time(minutes=15)
        assert isinstance(door.enter(), Signed)

    def test_lets_the_fifth_try_in_when_it_is_right(self, door):
        for _ in range(4):
            door.enter(password="wrong")
        assert isinstance(door.enter(), Signed)

    def test_forgets_failures_after_a_success(self, desk, door):
        for _ in range(3):
            door.enter(password="wrong")
        door.enter()
        for _ in range(4):
            door.enter(password="wrong")
        desk.pass_time(seconds=30)
        assert isinstance(door.enter(), Signed)

    def test_forgets_failures_older_than_ten_minutes(self, desk, door):
        for _ in range(8):
            assert isinstance(door.enter(password="wrong"), Refused)
            desk.pass_time(minutes=2, seconds=31)

    def test_locks_names_that_nobody_has_in_the_same_way(self, door):
        for _ in range(5):
            door.enter(name="nobody")
        with pytest.raises(SignInLocked):
            door.enter(name="nobody")

    def test_lets_a_known_browser_in_while_a_stranger_guesses(self, desk, door):
        device = door.enter().device
        desk.pass_time(seconds=30)
        for _ in range(5):
            door.enter(password="wrong")
        with pytest.raises(SignInLocked):
            door.enter()
        signed = door.enter(device=device)
        assert isinstance(signed, Signed)
        assert signed.device is None

    def test_locks_a_known_browser_that_guesses(self, desk, door):
        device = door.enter().device
        for _ in range(5):
            door.enter(password="wrong", device=device)
        with pytest.raises(SignInLocked):
            door.enter(device=device)

    @pytest.mark.parametrize("device", ["x.y", "", ".", "0" * 5000, "1.2.3", "竹.竹"])
    def test_does_not_know_a_forged_mark(self, door, device):
        for _ in range(5):
            door.enter(password="wrong", device=device)
        with pytest.raises(SignInLocked):
            door.enter(device=device + "0")

    def test_does_not_take_the_mark_of_another_name(self, desk, door):
        device = door.enter().device
        for _ in range(5):
            door.enter(name="other", device=device)
        with pytest.raises(SignInLocked):
            door.enter(name="other")

    def test_stops_one_address_that_walks_through_names(self, door):
        for number in range(100):
            door.enter(name=f"name-{number}")
        with pytest.raises(SignInLocked):
            door.enter(name="name-100")

    def test_refuses_a_closed_account(self, desk, door, staff):
        disable_account(desk.work(), account_id=staff.account_id, reason="离职")
        assert isinstance(door.enter(), Refused)

    def test_writes_why_into_the_audit_trail_only(self, desk, door):
        for wrong in ({"password": "wrong"}, {"totp": "000000"}, {"name": "nobody"}):
            door.enter(**wrong)
        entries = desk.audited("sign_in")
        assert [entry.reason for entry in entries] == ["wrong_password", "wrong_totp", "wrong_password"]
        assert [entry.subject_id is None for entry in entries] == [False, False, True]

    def test_takes_as_long_for_a_name_nobody_has(self, door):
        """Compares medians loosely; the same hash, the same statements are the real reason."""
        seconds = {"clerk": [], "nobody": []}
        for _ in range(5):
            for name, taken in seconds.items():
                start = perf_counter()
                door.enter(name=name, password="wrong")
                taken.append(perf_counter() - start)
            for name in seconds:
                _forget(door, name)
        assert abs(median(seconds["clerk"]) - median(seconds["nobody"])) < 0.02


def _forget(door, name):
    from app.identity.passwords import LOCK
    from app.identity.throttle import clear

    clear(door.desk.work(), LOCK, who=name)


class TestFindTotpStep:
    @pytest.mark.parametrize(("off_s", "is_taken"), [(-61, False), (-30, True), (0, True), (30, True), (61, False)])
    def test_forgives_half_a_minute_either_way(self, desk, off_s, is_taken):
        secret = pyotp.random_base32()
        code = pyotp.TOTP(secret).at(desk.clock.now() + timedelta(seconds=off_s))
        assert (find_totp_step(secret, code, now=desk.clock.now()) is not None) is is_taken


class TestCreateStaff:
    def test_makes_no_second_account_of_a_name(self, desk, staff):
        account = desk.session.get_one(Account, staff.account_id)
        with pytest.raises(LoginNameTaken):
            create_staff(
                desk.work(),
                role="institution_reviewer",
                organization_id=account.organization_id,
                login_name="CLERK",
                display_name="另一人",
                password=approve_password(PASSWORD, login_name="clerk"),
            )

    @pytest.mark.parametrize(
        ("kind", "role"),
        [
            ("institution", "operator"),
            ("institution", "bureau_auditor"),
            ("bureau", "institution_author"),
            ("operator", "bureau_auditor"),
            ("operator", "trainee"),
            ("operator", "root"),
        ],
    )
    def test_gives_no_role_that_does_not_fit_the_organisation(self, desk, kind, role):
        organization = import_organization(desk.work(), kind=kind, authority_code="X1", name="单位")
        with pytest.raises(RoleRefused):
            create_staff(
                desk.work(),
                role=role,
                organization_id=organization.id,
                login_name="somebody",
                display_name="某人",
                password=approve_password(PASSWORD, login_name="somebody"),
            )

    def test_stores_the_authenticator_secret_encrypted(self, desk, staff):
        account = desk.session.get_one(Account, staff.account_id)
        assert staff.totp_secret not in account.totp_secret_enc
        assert staff.totp_secret not in repr(staff)
        assert "issuer=%E8%AF%81%E5%AD%A6" in staff.totp_uri


class TestChangePassword:
    NEW = "Willow-river-9"

    def test_ends_the_other_sessions(self, desk, door, staff):
        kept = door.enter()
        desk.pass_time(seconds=30)
        other = door.enter()
        done = change_password(desk.unit, account_id=staff.account_id, old=PASSWORD, new=self.NEW, token=kept.token)
        assert done is None
        assert authenticate(desk.session, kept.token, now=desk.clock.now())
        assert authenticate(desk.session, other.token, now=desk.clock.now()) is None
        desk.pass_time(seconds=30)
        assert isinstance(door.enter(), Refused)
        assert isinstance(door.enter(password=self.NEW), Signed)

    @pytest.mark.parametrize(("old", "new"), [("wrong", NEW), (PASSWORD, PASSWORD)])
    def test_needs_the_old_one_and_another_new_one(self, desk, staff, old, new):
        refused = change_password(desk.unit, account_id=staff.account_id, old=old, new=new, token="t")
        assert isinstance(refused, Refused)

    def test_locks_after_five_wrong_tries(self, desk, staff):
        for _ in range(5):
            change_password(desk.unit, account_id=staff.account_id, old="wrong", new=self.NEW, token="t")
        with pytest.raises(SignInLocked):
            change_password(desk.unit, account_id=staff.account_id, old=PASSWORD, new=self.NEW, token="t")

    def test_refuses_a_weak_one(self, desk, staff):
        with pytest.raises(PasswordWeak):
            change_password(desk.unit, account_id=staff.account_id, old=PASSWORD, new="12345678", token="t")


class TestRenewFactors:
    def test_makes_the_old_ones_worthless(self, desk, door, staff):
        token = door.enter().token
        fresh = renew_factors(
            desk.work(), account_id=staff.account_id, password=approve_password("Willow-river-9", login_name="clerk")
        )
        assert authenticate(desk.session, token, now=desk.clock.now()) is None
        desk.pass_time(seconds=30)
        assert isinstance(door.enter(password="Willow-river-9"), Refused)
        assert isinstance(Door(desk, fresh).enter(password="Willow-river-9"), Signed)

    def test_is_not_for_trainees(self, desk, listed):
        account = Account(
            kind="trainee", role="trainee", person_id=listed(1).id, display_name="学员", created_at=desk.clock.now()
        )
        desk.session.add(account)
        desk.session.flush()
        with pytest.raises(SessionEnded):
            renew_factors(
                desk.work(), account_id=account.id, password=approve_password(PASSWORD, login_name="somebody")
            )
        assert desk.session.scalar(select(Account.password_hash).where(Account.id == account.id)) is None
