"""Demonstrations only: who a visitor may sign in as, with the one-time codes of this moment."""

from __future__ import annotations

import json
from pathlib import Path

import pyotp
from fastapi import APIRouter
from pydantic import BaseModel

from app.api.deps import PlatformDep, WorkDep
from app.core.errors import NotFound

router = APIRouter(prefix="/demo", tags=["演示"])

ACCOUNTS = Path("demo/accounts.json")


class DemoStaff(BaseModel):
    """A staff account of the demonstration."""

    login_name: str
    title: str
    totp: str


class DemoTrainee(BaseModel):
    """A made-up trainee of the demonstration class."""

    name: str
    id_number: str
    phone: str


class DemoAccounts(BaseModel):
    """All accounts of the demonstration."""

    password: str
    staff: list[DemoStaff]
    trainee: DemoTrainee | None


@router.get("/accounts")
def read_accounts(work: WorkDep, platform: PlatformDep) -> DemoAccounts:
    """List the demonstration's accounts; never in production, never where no demonstration was loaded."""
    path = platform.settings.var_dir / ACCOUNTS
    if platform.settings.is_production or not path.is_file():
        raise NotFound("没有演示数据")
    known = json.loads(path.read_text(encoding="utf-8"))
    return DemoAccounts(
        password=known["password"],
        staff=[
            DemoStaff(
                login_name=one["login"],
                title=one["title"],
                totp=pyotp.TOTP(known["totp"][one["login"]]).at(work.now),
            )
            for one in known["staff"]
        ],
        trainee=DemoTrainee(**known["trainee"]) if "trainee" in known else None,
    )
