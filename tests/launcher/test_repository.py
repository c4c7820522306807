"""What a fresh clone relies on: locks without addresses, the image, the compose file, the settings table."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.core.settings import Settings
from app.launcher.settings_table import settings_table, variable_name

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-bootstrap.lock")
VARIABLES = {variable_name(name, field) for name, field in Settings.model_fields.items()}
NAME = re.compile(r"\bZX_[A-Z0-9_]+\b")


def requirements(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text()
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", text, re.MULTILINE))


class TestLocks:
    @pytest.mark.parametrize("name", LOCKS)
    def test_hold_no_address(self, name: str) -> None:
        text = (ROOT / name).read_text()
        assert "://" not in text
        assert "index" not in text

    @pytest.mark.parametrize("name", LOCKS)
    def test_give_a_hash_for_every_requirement(self, name: str) -> None:
        blocks = re.split(r"^(?=\S)", (ROOT / name).read_text(), flags=re.MULTILINE)[1:]
        assert blocks
        assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []

    def test_the_one_for_tests_is_a_superset(self) -> None:
        assert requirements("requirements.lock").items() <= requirements("requirements-dev.lock").items()

    def test_do_not_compile_dlib(self) -> None:
        locked = requirements("requirements.lock")
        assert "dlib" not in locked
        assert "dlib-bin" in locked
        assert int(locked["setuptools"].split(".")[0]) < 82

    def test_the_one_of_the_front_end_holds_no_address(self) -> None:
        lock = json.loads((ROOT / "app" / "web" / "package-lock.json").read_text())
        resolved = [name for name, entry in lock["packages"].items() if "resolved" in entry]
        assert resolved == []


class TestLauncher:
    def test_uses_the_standard_library_only_before_the_environment_exists(self) -> None:
        inside = {"supervise", "children", "child", "health", "schema", "settings_table"}
        for path in sorted((ROOT / "app" / "launcher").glob("*.py")):
            if path.stem in inside:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                foreign = [name for name in names if name.split(".")[0] not in sys.stdlib_module_names]
                assert all(name.startswith("app.launcher") for name in foreign), (path.name, foreign)

    def test_every_make_target_is_a_command(self) -> None:
        from app.launcher.__main__ import COMMANDS

        targets = set(re.findall(r"\$\(LAUNCH\) ([a-z-]+)", (ROOT / "Makefile").read_text()))
        assert {"run", "demo", "demo-reset", "test", "bench"} <= targets <= set(COMMANDS)

    def test_continuous_integration_calls_make_test(self) -> None:
        script = ROOT / ".ci" / "run"
        assert "make test" in script.read_text()
        assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0


def instructions() -> list[tuple[str, str]]:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


def cli_commands() -> set[str]:
    from app.cli import cli

    return {command.name or command.callback.__name__.replace("_", "-") for command in cli.registered_commands}


class TestDockerfile:
    def test_has_a_build_stage_and_a_run_stage(self) -> None:
        assert [rest for word, rest in instructions() if word == "FROM"] == [
            "${PYTHON_IMAGE} AS build",
            "${PYTHON_IMAGE} AS run",
        ]

    def test_does_not_run_as_root(self) -> None:
        pairs = instructions()
        after_run = pairs[pairs.index(("FROM", "${PYTHON_IMAGE} AS run")) :]
        users = [rest for word, rest in after_run if word == "USER"]
        assert users == ["10001:10001"]

    def test_has_a_health_check_and_production_by_default(self) -> None:
        text = (ROOT / "Dockerfile").read_text()
        assert '"app.launcher.health", "web"' in text
        assert "ZX_ENVIRONMENT=production" in text

    def test_copies_only_what_exists(self) -> None:
        for word, rest in instructions():
            if word == "COPY" and not rest.startswith("--from"):
                for source in rest.split()[:-1]:
                    assert (ROOT / source).exists(), source

    def test_its_build_commands_exist(self) -> None:
        from app.launcher.__main__ import COMMANDS

        called = re.findall(r"python -m app\.launcher ([a-z-]+)", (ROOT / "Dockerfile").read_text())
        assert called == ["environment", "prepare"]
        assert set(called) <= set(COMMANDS)

    def test_names_no_index(self) -> None:
        assert "://" not in (ROOT / "Dockerfile").read_text()

    def test_leaves_secrets_and_data_out_of_the_image(self) -> None:
        ignored = (ROOT / ".dockerignore").read_text().split()
        assert {".git", ".venv", "var", ".env", "app/web/node_modules"} <= set(ignored)

    def test_knows_web_worker_and_cli(self, tmp_path: Path) -> None:
        fake = tmp_path / "python"
        fake.write_text('#!/bin/sh\necho "$@"\n')
        fake.chmod(0o755)
        entry = ROOT / "app" / "launcher" / "entrypoint.sh"

        def run(*words: str) -> str:
            env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
            return subprocess.run(
                [str(entry), *words], env=env, check=True, capture_output=True, text=True
            ).stdout.strip()

        assert run("web") == "-m app.cli web"
        assert run("worker") == "-m app.cli worker"
        assert run("cli", "migrate") == "-m app.cli migrate"

    def test_brings_its_model_into_the_data_folder(self, tmp_path: Path) -> None:
        entry = tmp_path / "image" / "app" / "launcher" / "entrypoint.sh"
        model = tmp_path / "image" / "models" / "dlib-encoder.onnx"
        for path in (entry, model):
            path.parent.mkdir(parents=True)
        entry.write_bytes((ROOT / "app" / "launcher" / "entrypoint.sh").read_bytes())
        (tmp_path / "python").write_text("#!/bin/sh\n")
        (tmp_path / "python").chmod(0o755)
        env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "ZX_VAR_DIR": str(tmp_path / "data")}
        for content in (b"old", b"new"):
            model.write_bytes(content)
            subprocess.run(["sh", str(entry), "web"], env=env, check=True)
            assert [path.read_bytes() for path in (tmp_path / "data" / "models").iterdir()] == [content]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


class TestCompose:
    def test_has_all_parts(self, compose: dict[str, Any]) -> None:
        assert {"app", "worker", "migrate", "postgres", "s3", "simulator"} == set(compose["services"])

    def test_every_lasting_service_has_a_health_check(self, compose: dict[str, Any]) -> None:
        for name, service in compose["services"].items():
            if name != "migrate":
                assert service["healthcheck"]["test"][0] == "CMD", name

    def test_every_command_exists(self, compose: dict[str, Any]) -> None:
        for name in ("app", "worker", "migrate", "simulator"):
            words = [word for word in compose["services"][name]["command"] if word != "cli"]
            assert words[0] in cli_commands(), name

    def test_starts_the_platform_only_on_a_migrated_database(self, compose: dict[str, Any]) -> None:
        services = compose["services"]
        assert services["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
        for name in ("app", "worker"):
            assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"

    def test_every_named_volume_is_declared(self, compose: dict[str, Any]) -> None:
        used = {
            volume.split(":")[0] for service in compose["services"].values() for volume in service.get("volumes", [])
        }
        assert used == set(compose["volumes"])

    def test_sets_only_known_settings(self, compose: dict[str, Any]) -> None:
        for name in ("app", "worker", "migrate", "simulator"):
            assert set(compose["services"][name]["environment"]) <= VARIABLES

    def test_holds_no_secret_and_demands_each(self) -> None:
        text = (ROOT / "compose.yaml").read_text()
        for name in ("ZX_SECRET", "POSTGRES_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY"):
            assert f"${{{name}:?" in text
            assert re.search(rf"\${{{name}(:-[^}}]*)?}}", text) is None

    def test_its_environment_makes_valid_production_settings(
        self, compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given = {
            "ZX_SECRET": "s" * 48,
            "ZX_PUBLIC_URL": "https://zhengxue.example",
            "ZX_S3_PUBLIC_URL": "https://s3.zhengxue.example",
            "POSTGRES_PASSWORD": "p",
            "S3_ACCESS_KEY": "access",
            "S3_SECRET_KEY": "secret",
        }

        def fill(found: re.Match[str]) -> str:
            return given.get(found[1], (found[2] or "").removeprefix(":-"))

        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in compose["services"]["app"]["environment"].items():
            monkeypatch.setenv(name, re.sub(r"\$\{([A-Z0-9_]+)(:[-?][^}]*)?\}", fill, value))
        settings = Settings()
        assert settings.is_production
        assert settings.storage == "s3"
        assert settings.database_url == "postgresql://zhengxue:p@postgres:5432/zhengxue"

    def test_refuses_production_with_the_default_secret(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", "web"],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", "ZX_ENVIRONMENT": "production", "ZX_PUBLIC_URL": "https://zhengxue.example"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "生产环境必须设置 ZX_SECRET" in done.stderr
        assert "Traceback" not in done.stderr


class TestSettingsTable:
    def test_equals_the_code(self) -> None:
        written = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
        assert written == settings_table(), "run: python -m app.launcher.settings_table > docs/settings.md"

    def test_every_setting_is_described(self) -> None:
        assert [name for name, field in Settings.model_fields.items() if not field.description] == []

    def test_no_code_reads_another_variable_of_ours(self) -> None:
        folders = ("app", "proctoring", "exam", "storage", "migrations")
        files = [path for name in folders for path in (ROOT / name).rglob("*.py")]
        files += [ROOT / "Dockerfile", ROOT / "compose.yaml", ROOT / "Makefile"]
        named = {found: path for path in files for found in NAME.findall(path.read_text(encoding="utf-8"))}
        assert {name: str(path) for name, path in named.items() if name not in VARIABLES} == {}
