"""What the S3 store does when the server misbehaves; a small server plays each fault."""

from __future__ import annotations

import hashlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from storage.errors import ObjectMissing, StoreFull, StoreUnavailable
from storage.ports import PartInfo
from storage.s3 import S3Store
from storage.s3_wire import S3Config, instant_in, is_etag_of
from storage.streams import chunks

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def store_at(endpoint: str, **more: Any) -> S3Store:
    values = {"secure": False, "object_lock": False, "timeout_s": 0.5, **more}
    return S3Store(S3Config(endpoint=endpoint, access_key="a", secret_key="b", bucket="bucket", **values))


def put(store: S3Store, content: bytes = b"content") -> Any:
    return store.put("k", content, media_type="a/b", sha256=hashlib.sha256(content).hexdigest())


@contextmanager
def server(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A server that answers every request in one way."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def handle_any(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer(self)

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = handle_any  # noqa: N815 - the library's names

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        found.daemon_threads = True
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"127.0.0.1:{found.server_port}"
        finally:
            found.shutdown()
            thread.join()


def reply(request: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    request.send_response(status)
    fields = {"Content-Length": str(len(body)), "Content-Type": "application/xml"}
    for name, value in (fields | {name.replace("_", "-"): each for name, each in headers.items()}).items():
        request.send_header(name, value)
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(body)


def error_document(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()


class TestAnOutage:
    def test_by_a_refused_connection_is_named_at_once(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            endpoint = f"127.0.0.1:{free.getsockname()[1]}"
        begin = time.monotonic()
        with pytest.raises(StoreUnavailable):
            put(store_at(endpoint))
        assert time.monotonic() - begin < 2

    def test_by_silence_ends_after_the_configured_time(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen(8)
            begin = time.monotonic()
            with pytest.raises(StoreUnavailable):
                put(store_at(f"127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2))
            assert time.monotonic() - begin < 3

    @pytest.mark.parametrize("status", [500, 503, 429, 403, 302])
    def test_by_an_error_answer_is_named(self, status):
        with server(lambda request: reply(request, status, error_document("SlowDown"))) as endpoint:
            store = store_at(endpoint)
            for attempt in (lambda: put(store), lambda: store.get("k"), lambda: store.delete("k")):
                with pytest.raises(StoreUnavailable):
                    attempt()

    def test_by_an_answer_that_is_no_xml_is_named(self):
        def answer(request: BaseHTTPRequestHandler) -> None:
            reply(request, 502, b"<html>", Content_Type="text/html")

        with server(answer) as endpoint, pytest.raises(StoreUnavailable):
            put(store_at(endpoint))

    def test_by_an_answer_that_is_broken_xml_is_named(self):
        with server(lambda request: reply(request, 200, b"<a><b>")) as endpoint:
            store = store_at(endpoint)
            for attempt in (
                lambda: list(store.list_objects("")),
                lambda: store.list_parts("k", "u"),
                lambda: store.create_multipart("k", media_type="a/b"),
            ):
                with pytest.raises(StoreUnavailable):
                    attempt()

    def test_by_a_full_store_is_named(self):
        def answer(request: BaseHTTPRequestHandler) -> None:
            reply(request, 403, error_document("QuotaExceeded"))

        with server(answer) as endpoint, pytest.raises(StoreFull):
            put(store_at(endpoint))


class TestPut:
    def test_does_not_believe_a_wrong_etag(self):
        def answer(request: BaseHTTPRequestHandler) -> None:
            reply(request, 200, ETag='"0123456789abcdef0123456789abcdef"')

        with server(answer) as endpoint, pytest.raises(StoreUnavailable):
            put(store_at(endpoint))


class TestOpenRange:
    def test_never_passes_a_cut_body_as_whole(self):
        def cut(request: BaseHTTPRequestHandler) -> None:
            reply(request, 200, b"half", Content_Length="8")
            request.close_connection = True

        with server(cut) as endpoint, store_at(endpoint).open_range("k") as stream:
            pieces = chunks(stream, size=3)
            with pytest.raises(StoreUnavailable):
                list(pieces)


class TestCompleteMultipart:
    def test_does_not_believe_an_error_inside_a_200(self):
        def answer(request: BaseHTTPRequestHandler) -> None:
            if request.command == "HEAD":
                reply(request, 404)
            else:
                reply(request, 200, error_document("InternalError"))

        with server(answer) as endpoint, pytest.raises(ObjectMissing):
            store_at(endpoint).complete_multipart("k", "upload", [PartInfo(1, 3, "e")])

    def test_does_not_believe_a_wrong_length(self):
        def answer(request: BaseHTTPRequestHandler) -> None:
            headers = {"Last_Modified": "Mon, 02 Mar 2026 04:00:00 GMT", "ETag": '"e"'}
            reply(request, 200, b"xx", **headers) if request.command == "HEAD" else reply(request, 200, b"<a/>")

        with server(answer) as endpoint, pytest.raises(StoreUnavailable):
            store_at(endpoint).complete_multipart("k", "upload", [PartInfo(1, 3, "e")])


class TestSignedAddresses:
    def test_are_made_without_asking_the_server(self):
        store = store_at("nowhere.invalid:1")
        url = store.presign_get("k", now=NOON, expires_in=timedelta(minutes=5))
        assert "X-Amz-Date=20260302T040000Z" in url
        assert "X-Amz-Expires=300" in url

    def test_lead_to_the_public_host(self):
        store = store_at("minio:9000", public_url="https://files.example.cn")
        for url in (
            store.presign_get("k", now=NOON, expires_in=timedelta(minutes=5)),
            store.presign_put("k", now=NOON, expires_in=timedelta(minutes=5), max_bytes=1),
            store.presign_part("k", "u", 1, now=NOON, expires_in=timedelta(minutes=5), max_bytes=1),
        ):
            parts = urlsplit(url)
            assert (parts.scheme, parts.netloc, parts.path) == ("https", "files.example.cn", "/bucket/k")

    def test_never_show_the_secret(self):
        config = S3Config(endpoint="x", access_key="a", secret_key="very-secret", bucket="b")
        assert "very-secret" not in repr(config)


class TestInstantIn:
    @pytest.mark.parametrize(
        "written", ["2030-01-01T00:00:00Z", "2030-01-01T00:00:00.000Z", "2030-01-01T00:00:00.000000000Z"]
    )
    def test_reads_any_number_of_decimals(self, written):
        document = f"<Retention><RetainUntilDate>{written}</RetainUntilDate></Retention>".encode()
        assert instant_in(document, "RetainUntilDate") == datetime(2030, 1, 1, tzinfo=UTC)

    def test_finds_nothing_in_another_document(self):
        assert instant_in(b"", "RetainUntilDate") is None


class TestIsEtagOf:
    def test_trusts_no_etag_but_the_contents(self):
        digest = hashlib.md5(b"x", usedforsecurity=False).hexdigest()
        assert is_etag_of({"etag": f'"{digest}"'}, b"x")
        assert not is_etag_of({"etag": f'"{digest}"'}, b"y")
        assert not is_etag_of({}, b"x")

    def test_cannot_compare_with_a_key_service(self):
        assert is_etag_of({"x-amz-server-side-encryption": "aws:kms", "etag": '"?"'}, b"x")


@pytest.mark.s3
class TestEnsureBucket:
    def test_is_repeatable_and_sees_a_missing_lock(self, plain_bucket):
        from dataclasses import replace

        S3Store(plain_bucket).ensure_bucket()
        with pytest.raises(StoreUnavailable, match="对象锁定"):
            S3Store(replace(plain_bucket, object_lock=True)).ensure_bucket()

    def test_makes_a_bucket_with_lock(self, plain_bucket):
        from dataclasses import replace

        store = S3Store(replace(plain_bucket, bucket="fresh", object_lock=True))
        store.ensure_bucket()
        assert store.features.versioning

    def test_with_a_wrong_secret_is_refused(self, plain_bucket):
        from dataclasses import replace

        with pytest.raises(StoreUnavailable):
            S3Store(replace(plain_bucket, secret_key="wrong")).ensure_bucket()


@pytest.mark.s3
class TestTheGateway:
    def test_dies_with_tests_that_are_killed(self, gateway):
        program = "import sys; sys.path.insert(0, sys.argv[1]); import rgw, time; k = rgw.Keeper(); "
        program += "print(k._process.pid, k.start().endpoint, flush=True); time.sleep(600)"
        tests = subprocess.Popen(
            [sys.executable, "-c", program, str(Path(__file__).parent)], stdout=subprocess.PIPE, text=True
        )
        assert tests.stdout is not None
        keeper, endpoint = tests.stdout.readline().split()
        daemons = _descendants(int(keeper))
        assert {"ceph-mon", "ceph-osd", "radosgw"} <= {_name(pid) for pid in daemons}
        assert endpoint != gateway.endpoint
        tests.send_signal(signal.SIGKILL)
        tests.communicate()
        deadline = time.monotonic() + 20
        while any(_name(pid) for pid in daemons) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert [pid for pid in daemons if _name(pid)] == []


def _name(pid: int) -> str:
    """The name of a living process; empty when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return ""
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    return "" if fields["State"].startswith("Z") else fields["Name"]


def _descendants(pid: int) -> list[int]:
    children = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            stat = (each / "stat").read_text(encoding="utf-8")
        except OSError:
            continue
        if int(stat.rpartition(")")[2].split()[1]) == pid:
            children.append(int(each.name))
    return children + [below for child in children for below in _descendants(child)]
