"""The contracts of pyproject.toml hold, and each of them would notice a violation."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("app", "proctoring", "exam", "storage")
CONTRACTS = [
    contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
]

PLANTS: dict[str, tuple[tuple[str, str], ...]] = {
    "Rooms lie on floors": (
        ("storage/planted_up.py", "import exam.design"),
        ("exam/planted_sideways.py", "import proctoring.events"),
        ("app/training/planted_sideways.py", "import app.identity.people"),
        ("app/policy/planted_sideways.py", "import app.realname.relay"),
        ("app/core/planted_up.py", "import storage.rules"),
        ("app/wiring/planted_up.py", "import app.api.deps"),
        ("app/api/planted_up.py", "import app.main"),
        ("app/identity/planted_up.py", "import app.wiring"),
    ),
    "FastAPI is only known": (
        ("app/oversight/planted_fastapi.py", "from fastapi import Request"),
        ("exam/planted_fastapi.py", "import fastapi"),
    ),
    "minio is only known": (
        ("storage/planted_minio.py", "from minio import Minio"),
        ("app/reports/planted_minio.py", "import minio"),
    ),
    "Face and image libraries": (
        ("app/training/adapters/planted_cv2.py", "import cv2"),
        ("proctoring/rules/planted_dlib.py", "import dlib"),
        ("proctoring/planted_runtime.py", "import onnxruntime"),
        ("app/wiring/planted_onnx.py", "import onnx"),
    ),
    "Nothing runs face_recognition": (
        ("proctoring/adapters/planted_face.py", "import face_recognition"),
        ("proctoring/adapters/planted_models.py", "import face_recognition_models"),
    ),
    "Only composition roots read settings": (
        ("app/api/planted_settings.py", "from app.core.settings import Settings"),
        ("storage/planted_settings.py", "import app.core.settings"),
    ),
    "The offline verifier": (
        ("app/reports/verifier/planted_ours.py", "import app.core.canonical"),
        ("app/reports/verifier/planted_theirs.py", "import cryptography"),
    ),
    "The city's simulator shares": (("app/realname/simulator/planted_ours.py", "import app.realname.relay"),),
    "The platform does not know": (
        ("app/reports/planted_simulator.py", "import app.realname.simulator.store"),
        ("app/api/planted_simulator.py", "import app.realname.simulator.server"),
    ),
}
"""For each contract, by the beginning of its name: files that break it."""


def lint(folder: Path) -> tuple[int, str]:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache", "--no-logo"], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    return done.returncode, done.stdout + done.stderr


def verdicts(report: str) -> dict[str, str]:
    """KEPT or BROKEN for each contract."""
    found = re.findall(r"^(.+?) (KEPT|BROKEN)\b", report, re.MULTILINE)
    return {name: verdict for name, verdict in found if name in CONTRACTS}


def section(report: str, name: str) -> str:
    """The part of a report that tells how one contract was broken."""
    part = report.split("Broken contracts", 1)[-1].split(f"{name}\n---", 1)[-1]
    following = [part.find(f"{other}\n---") for other in CONTRACTS if other != name]
    return part[: min((at for at in following if at >= 0), default=len(part))]


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """The source code alone, in a place where it may be spoilt."""
    folder = tmp_path_factory.mktemp("source")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package,
            folder / package,
            ignore=lambda at, names: (
                [name for name in names if not (Path(at, name).is_dir() or name.endswith(".py"))]
                + [name for name in names if name in {"web", "__pycache__"}]
            ),
        )
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture(scope="module")
def spoilt(copy) -> str:
    """The report of a copy in which every contract is broken."""
    for plants in PLANTS.values():
        for path, line in plants:
            (copy / path).write_text(f"{line}\n", encoding="utf-8")
    return lint(copy)[1]


class TestContracts:
    def test_hold(self):
        code, report = lint(ROOT)
        assert code == 0, report
        assert verdicts(report) == dict.fromkeys(CONTRACTS, "KEPT")

    def test_have_planted_violations_each(self):
        assert [name for name in CONTRACTS if not any(name.startswith(start) for start in PLANTS)] == []

    @pytest.mark.parametrize(
        ("start", "path"), [(start, path) for start, plants in PLANTS.items() for path, _ in plants]
    )
    def test_notice_a_violation(self, spoilt, start, path):
        (name,) = [name for name in CONTRACTS if name.startswith(start)]
        assert verdicts(spoilt)[name] == "BROKEN"
        assert path.removesuffix(".py").replace("/", ".") in section(spoilt, name)
