"""What every request passes: origin, size, headers, and one shape for every failure."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from starlette.testclient import TestClient

from app.api.health import MIN_FREE_BYTES
from app.api.middleware import MAX_BODY_BYTES
from app.core.settings import Settings
from app.main import create_app
from app.wiring import build
from tests.api.browser import HOST
from tests.api.stage import routes_of, with_ids

pytestmark = pytest.mark.commits

OURS = {"X-Requested-With": "zhengxue"}
PHONE = {"phone": "19900000077"}
HARDENING = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


@pytest.fixture
def client(stage) -> TestClient:
    return stage.browser().client


class TestCrossSite:
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"X-Requested-With": "XMLHttpRequest"},
            OURS | {"Sec-Fetch-Site": "cross-site"},
            OURS | {"Sec-Fetch-Site": "same-site"},
        ],
        ids=["no mark", "another mark", "other site", "sister site"],
    )
    def test_writes_are_refused_before_anything_happens(self, stage, headers):
        before, client = stage.fingerprint(), stage.browser("trainee").client
        for method, path in routes_of(stage.app):
            if method == "GET" or path.startswith("/objects/"):
                continue
            answer = client.request(method, with_ids(path, stage.ids), headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "cross-site"), path
        assert stage.fingerprint() == before

    @pytest.mark.parametrize("site", ["same-origin", "none"])
    def test_does_not_mean_our_own_pages(self, client, site):
        answer = client.post("/api/v1/auth/sms-codes", json=PHONE, headers=OURS | {"Sec-Fetch-Site": site})
        assert answer.status_code in {202, 429}

    def test_forms_of_another_site_never_carry_the_session(self, stage):
        cookie = stage.browser().client
        answer = cookie.post("/api/v1/auth/sms-codes", data=PHONE)
        assert answer.status_code == 403


class TestHeaders:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/api/v1/version"),
            ("GET", "/api/v1/auth/me"),
            ("GET", "/api/v1/nothing"),
            ("DELETE", "/api/v1/version"),
            ("POST", "/api/v1/me/attempts/x/answers"),
            ("GET", "/objects/nothing"),
            ("GET", "/health/live"),
            ("GET", "/"),
            ("POST", "/"),
        ],
    )
    def test_stand_on_every_answer(self, client, method, path):
        answer = client.request(method, path, headers=OURS)
        assert HARDENING.items() <= dict(answer.headers).items()
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "'unsafe-eval'" not in answer.headers["content-security-policy"]
        assert "script-src 'self';" in answer.headers["content-security-policy"]
        assert re.fullmatch(r"2026-03-02T\d\d:\d\d:\d\d\.\d{3}\+08:00", answer.headers["x-server-time"])
        assert len(answer.headers["x-request-id"]) == 32
        assert "server" not in answer.headers

    def test_ask_for_https_in_production_only(self, stage, tmp_path, clock):
        settings = Settings(
            environment="production", public_url="https://px.example.cn", secret="s" * 40, var_dir=tmp_path
        )
        made = build(settings, database_url="postgresql://localhost/never-connected", clock=clock)
        answer = TestClient(create_app(made), base_url="https://px.example.cn").get("/health/live")
        assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
        assert "strict-transport-security" not in stage.browser().client.get("/health/live").headers
        made.close()

    def test_of_the_session_cookie_say_secure_in_production(self, stage, tmp_path, clock):
        settings = Settings(
            environment="production", public_url="https://px.example.cn", secret="s" * 40, var_dir=tmp_path
        )
        url = stage.platform.database.engine.url.render_as_string(hide_password=False)
        made = build(settings, database_url=url, clock=clock)
        client = TestClient(create_app(made), base_url="https://px.example.cn")
        answer = client.post("/api/v1/auth/sms-codes", json={"phone": "19900000078"}, headers=OURS)
        assert answer.status_code == 202
        (cookie,) = answer.headers.get_list("set-cookie")
        assert {"HttpOnly", "SameSite=lax", "Secure", "Path=/"} <= set(cookie.split("; "))
        made.close()


class TestSize:
    def test_of_a_body_is_limited_by_its_own_word(self, client):
        answer = client.post(
            "/api/v1/auth/sign-in", content=b"{}", headers=OURS | {"Content-Length": str(MAX_BODY_BYTES + 1)}
        )
        assert (answer.status_code, answer.json()["code"]) == (413, "too-large")

    @pytest.mark.parametrize(
        ("who", "path"),
        [("anonymous", "/api/v1/auth/sign-in"), ("trainee", "/api/v1/me/attempts/{attempt_id}/answers")],
        ids=["route", "hot path"],
    )
    def test_of_a_body_is_limited_while_it_arrives(self, stage, who, path):
        def endless():
            for _ in range(MAX_BODY_BYTES // 2**20 + 2):
                yield b" " * 2**20

        answer = stage.browser(who).client.post(
            with_ids(path, stage.ids), content=endless(), headers=OURS | {"Content-Type": "application/json"}
        )
        assert (answer.status_code, answer.json()["code"]) == (413, "too-large")

    def test_of_a_hot_body_is_limited_more(self, stage):
        path = with_ids("/api/v1/me/attempts/{attempt_id}/answers", stage.ids)
        answer = stage.browser("trainee").client.post(path, content=b"[" * 65_537, headers=OURS)
        assert answer.status_code == 422


class TestFailures:
    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("GET", "/api/v1/auth/me", None),
            ("POST", "/api/v1/me/attempts/{attempt_id}/answers", {"seq": 1, "no": 1, "value": ["A"]}),
        ],
        ids=["route", "hot path"],
    )
    def test_of_our_own_are_problems_that_tell_nothing(self, stage, monkeypatch, method, path, body):
        def explode() -> None:
            raise RuntimeError("the detail nobody may read")

        client = stage.browser("trainee").client
        monkeypatch.setattr(stage.platform.database, "transaction", explode)
        answer = client.request(method, with_ids(path, stage.ids), json=body, headers=OURS)
        assert (answer.status_code, answer.json()["code"]) == (500, "unexpected")
        assert "nobody may read" not in answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert HARDENING.items() <= dict(answer.headers).items()
        assert answer.headers["x-server-time"]

    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    @pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/version", "/api/", "/api/v1/auth/me/"])
    def test_of_unknown_addresses_are_404(self, client, method, path):
        answer = client.request(method, path, headers=OURS)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
        assert answer.headers["content-type"] == "application/problem+json"

    def test_of_a_wrong_method_are_405(self, client):
        answer = client.delete("/api/v1/version", headers=OURS)
        assert (answer.status_code, answer.json()["code"]) == (405, "method-not-allowed")

    def test_are_told_in_chinese(self, stage):
        for who, path in (("anonymous", "/auth/me"), ("operator", "/me/consents"), ("trainee", "/nothing")):
            document = stage.browser(who).get(path).json()
            assert re.search(r"[\u4e00-\u9fff]{4}", document["detail"])
            assert document["type"] == f"/problems/{document['code']}"
            assert document["instance"] == f"/api/v1{path}"


class TestMetrics:
    def test_count_requests_by_route_and_never_by_id(self, stage):
        stage.browser("trainee").get(f"/me/enrollments/{stage.ids['enrollment_id']}")
        stage.browser("trainee").post(f"/me/attempts/{stage.ids['attempt_id']}/answers", {})
        text = TestClient(stage.app, base_url=HOST, client=("127.0.0.1", 1)).get("/metrics").text
        assert 'route="/me/enrollments/{enrollment_id}",status="200"' in text
        assert 'route="/api/v1/me/attempts/{attempt_id}/answers",status="422"' in text
        assert not any(found in text for found in stage.ids.values())

    @pytest.mark.parametrize(
        ("ip", "status"),
        [("127.0.0.1", 200), ("10.1.2.3", 200), ("::1", 200), ("8.8.8.8", 404), ("2a00::1", 404), ("testclient", 404)],
    )
    def test_are_for_the_machine_and_its_private_network(self, stage, ip, status):
        assert TestClient(stage.app, base_url=HOST, client=(ip, 1)).get("/metrics").status_code == status


class TestReadiness:
    def test_follows_the_database(self, template, tmp_path):
        from tests.conftest import _execute, copied_database

        with copied_database(template) as url:
            name = url.rsplit("/", 1)[1].split("?")[0]
            made = build(Settings(var_dir=tmp_path), database_url=url)
            client = TestClient(create_app(made), base_url=HOST)
            assert client.get("/health/ready").status_code == 200
            _execute(template[0], f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            _execute(template[0], f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
            down = client.get("/health/ready")
            assert (down.status_code, down.json()["code"], down.headers["retry-after"]) == (503, "unavailable", "5")
            assert client.get("/health/live").status_code == 200
            assert client.get("/api/v1/sms-outbox").status_code == 503
            _execute(template[0], f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            assert client.get("/health/ready").status_code == 200
            made.close()

    def test_needs_room_on_the_disk(self, stage, monkeypatch):
        full = shutil.disk_usage("/")._replace(free=MIN_FREE_BYTES - 1)
        monkeypatch.setattr("app.api.health.shutil.disk_usage", lambda _folder: full)
        answer = stage.browser().client.get("/health/ready")
        assert (answer.status_code, answer.json()["code"]) == (503, "disk-full")


class TestPages:
    @pytest.mark.parametrize("path", ["/../pyproject.toml", "/%2e%2e/pyproject.toml", "/..%2f..%2fpyproject.toml"])
    def test_never_show_files_beside_the_built_ones(self, client, path):
        assert "zhengxue" not in client.get(path).text

    def test_of_an_unknown_address_are_the_entry_or_a_problem(self, client):
        answer = client.get("/some/page/of/the/router")
        assert answer.status_code == 200 or json.loads(answer.text)["code"] == "pages-missing"
