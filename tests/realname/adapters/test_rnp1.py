import hashlib
import io
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from app.core.clock import FakeClock
from app.realname.adapters.rnp1 import Rnp1Client
from app.realname.ports import Failure
from app.realname.protocol import ErrorKind, ResultStatus
from tests.realname.conftest import REAL_CLASS, new_key, write_keys


class Between(httpx.BaseTransport):
    """Sits on the line to the city, sees what passes and may change it."""

    def __init__(self, inner, *, request=lambda x: x, response=lambda x: x):
        self.inner, self.on_request, self.on_response = inner, request, response
        self.requests = []

    def handle_request(self, request):
        request.read()
        self.requests.append(request)
        return self.on_response(self.inner.handle_request(self.on_request(request)))


def with_body(request, body):
    headers = httpx.Headers(request.headers)
    headers["Content-Length"] = str(len(body))
    return httpx.Request(request.method, request.url, headers=headers, content=body)


class TestConstruction:
    @pytest.mark.parametrize("url", ["http://city.example.cn", "ftp://127.0.0.2"])
    def test_refuses_a_city_without_encryption(self, url, clock):
        with pytest.raises(ValueError, match="https"):
            Rnp1Client(url, platform_id="P001", signer=new_key(), city_keys=dict, clock=clock)

    @pytest.mark.parametrize("url", ["https://city.example.cn", "http://127.0.0.1:8100", "http://localhost:8100"])
    def test_takes_https_and_this_machine(self, url, clock):
        Rnp1Client(url, platform_id="P001", signer=new_key(), city_keys=dict, clock=clock).close()


class TestAuthentication:
    def test_a_replayed_request_is_named_so(self, city, chain, batch_id):
        line = Between(city.transport)
        city.client(transport=line).push_events([chain.add()], batch_id=batch_id())
        answer = city.transport.handle_request(line.requests[0])
        assert (answer.status_code, answer.json()["code"]) == (401, "replay")
        assert answer.headers["content-type"] == "application/problem+json"

    def test_a_replay_is_still_noticed_after_a_restart(self, city, tmp_path, clock):
        from tests.realname.conftest import LocalCity

        line = Between(city.transport)
        city.client(transport=line).health()
        city.client(transport=line).pull_classes()
        request = line.requests[1]
        again = LocalCity(tmp_path, clock=clock)
        write_keys(again.key_file, city.signer)
        assert again.transport.handle_request(request).json()["code"] == "replay"

    def test_a_request_on_the_line_twice_is_sent_again_with_a_new_nonce(self, city, chain, batch_id):
        line = Between(city.transport)

        def double(response):
            return city.transport.handle_request(line.requests[-1])

        line.on_response = double
        event, batch = chain.add(), batch_id()
        found = city.client(transport=line).push_events([event], batch_id=batch)
        assert (found.code, found.is_retryable) == ("replay", True)
        receipt = city.client().push_events([event], batch_id=batch)
        assert receipt.results[0].status is ResultStatus.STORED

    @pytest.mark.parametrize("position", [0, 40, -1])
    def test_one_changed_byte_is_a_digest_mismatch(self, city, chain, batch_id, position):
        def flip(request):
            body = bytearray(request.content)
            body[position] ^= 1
            return with_body(request, bytes(body))

        client = city.client(transport=Between(city.transport, request=flip))
        found = client.push_events([chain.add()], batch_id=batch_id())
        assert (found.code, found.status, found.is_retryable) == ("digest_mismatch", 400, True)
        assert city.rows("select count(*) from event") == [(0,)]

    @pytest.mark.parametrize("minutes", [-6, 6])
    def test_a_wrong_clock_stops_the_channel(self, city, clock, minutes):
        wrong = FakeClock(clock.now() + timedelta(minutes=minutes))
        found = city.client(clock=wrong).pull_classes()
        assert (found.kind, found.code) == (ErrorKind.UNAUTHORIZED, "clock_skew")

    def test_an_unknown_key_stops_the_channel(self, city):
        found = city.client(signer=new_key()).pull_classes()
        assert (found.kind, found.code) == (ErrorKind.UNAUTHORIZED, "key_unknown")

    def test_two_keys_are_valid_while_one_replaces_the_other(self, city):
        old, new = city.signer, new_key()
        write_keys(city.key_file, old, new)
        assert not isinstance(city.client(signer=old).pull_classes(), Failure)
        assert not isinstance(city.client(signer=new).pull_classes(), Failure)
        write_keys(city.key_file, new)
        assert city.client(signer=old).pull_classes().code == "key_unknown"
        assert not isinstance(city.client(signer=new).pull_classes(), Failure)

    def test_another_platform_sees_nothing(self, city):
        line = Between(city.transport)
        city.client(transport=line).pull_classes()
        line.requests[0].headers["X-Platform-Id"] = "P002"
        assert city.transport.handle_request(line.requests[0]).json()["code"] == "key_unknown"


class TestAnswers:
    """An answer is believed only when the city signed it for exactly this request."""

    def answer(self, city, change):
        return city.client(transport=Between(city.transport, response=change))

    def test_an_unsigned_answer_is_no_answer(self, city):
        def strip(response):
            return httpx.Response(200, content=response.content)

        found = self.answer(city, strip).pull_classes()
        assert found.kind is ErrorKind.BROKEN_ANSWER

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422])
    def test_an_error_of_a_proxy_neither_stops_the_channel_nor_buries_events(self, city, chain, batch_id, status):
        client = self.answer(city, lambda _: httpx.Response(status, text="<html>proxy</html>"))
        found = client.push_events([chain.add()], batch_id=batch_id())
        assert found.kind is ErrorKind.BROKEN_ANSWER

    def test_an_unsigned_missing_file_is_not_believed(self, city):
        found = self.answer(city, lambda _: httpx.Response(404)).head_file("a" * 64)
        assert found.kind is ErrorKind.BROKEN_ANSWER

    @pytest.mark.parametrize(("status", "kind"), [(500, "server_error"), (502, "server_error"), (503, "throttled")])
    def test_a_failing_server_need_not_sign(self, city, status, kind):
        client = self.answer(city, lambda _: httpx.Response(status, headers={"Retry-After": "17"}))
        found = client.pull_classes()
        assert (found.kind, found.status, found.retry_after_s) == (kind, status, 17)

    def test_a_changed_answer_is_no_answer(self, city):
        def change(response):
            body = response.read().replace(b"220100", b"220101")
            return httpx.Response(200, headers=response.headers, content=body)

        assert self.answer(city, change).pull_classes().code == "answer_digest_mismatch"

    def test_the_answer_to_another_request_is_no_answer(self, city, chain, batch_id):
        kept = []

        def swap(response):
            kept.append(response)
            return kept[0]

        client = self.answer(city, swap)
        assert not isinstance(client.pull_classes(), Failure)
        assert client.pull_classes().code == "answer_replay"

    def test_a_signed_receipt_for_other_events_is_no_receipt(self, city, chain, batch_id):
        city.misbehave(wrong_receipt_ratio=1)
        event, batch = chain.add(), batch_id()
        assert city.client().push_events([event], batch_id=batch).code == "wrong_receipt"
        city.misbehave()
        assert city.client().push_events([event], batch_id=batch).results[0].event_id == event["event_id"]

    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            (httpx.ConnectError("refused"), ErrorKind.NETWORK),
            (httpx.RemoteProtocolError("cut"), ErrorKind.NETWORK),
            (httpx.ReadTimeout("late"), ErrorKind.TIMEOUT),
            (httpx.ConnectTimeout("late"), ErrorKind.TIMEOUT),
        ],
    )
    def test_what_the_network_does_is_a_retryable_failure(self, city, error, kind):
        def fail(_):
            raise error

        found = self.answer(city, fail).health()
        assert (found.kind, found.is_retryable) == (kind, True)

    def test_time_outs_are_those_of_the_protocol(self, city):
        line = Between(city.transport)
        city.client(transport=line).health()
        times = line.requests[0].extensions["timeout"]
        assert (times["connect"], times["read"]) == (5.0, 30.0)


@pytest.mark.clause("CC-5.3.2f")
class TestPullRoster:
    def test_reads_all_pages_of_a_large_class(self, tmp_path, clock):
        from app.realname.simulator.seed import DEFAULT_SEED, load_seed
        from tests.realname.conftest import LocalCity

        seed = load_seed(DEFAULT_SEED)
        real = next(item for item in seed["classes"] if item["class_code"] == REAL_CLASS)
        model = real["roster"][0]
        real["roster"] = [{**model, "learner_ref": f"XY{n:06d}"} for n in range(205)]
        city = LocalCity(tmp_path, clock=clock, seed=seed)
        line = Between(city.transport)
        roster = city.client(transport=line).pull_roster(REAL_CLASS)
        assert [row.learner_ref for row in roster.rows] == [f"XY{n:06d}" for n in range(205)]
        assert [request.url.params.get("cursor") for request in line.requests] == [None, "100", "200"]

    def test_refuses_a_roster_that_is_not_the_one_of_its_hash(self, city, client):
        import sqlite3

        with sqlite3.connect(city.data / "city.sqlite3") as db:
            db.execute("delete from learner where class_code = ? and position = 19", (REAL_CLASS,))
        assert client.pull_roster(REAL_CLASS).code == "roster_hash_mismatch"

    def test_does_not_follow_pages_without_end(self, city, clock):
        import json

        from app.realname.protocol import RequestTarget, answer_headers
        from app.realname.simulator.keys import open_city_key

        def again(request):
            body = json.dumps({"rows": [{}], "next_cursor": "100"}).encode()
            target = RequestTarget("GET", request.url.path, request.url.query.decode())
            headers = answer_headers(
                target,
                status=200,
                request_nonce=request.headers["X-Nonce"],
                body=body,
                signer=open_city_key(city.data),
                now=clock.now(),
            )
            return httpx.Response(200, headers=headers, content=body)

        client = city.client(transport=httpx.MockTransport(again))
        assert client.pull_roster(REAL_CLASS).code == "endless_pages"

    def test_keeps_personal_data_out_of_representations(self, client):
        row = client.pull_roster(REAL_CLASS).rows[0]
        assert row.name not in repr(row)
        assert row.id_no not in repr(row)
        assert row.phone not in repr(row)


class TestPutFile:
    BIG = bytes(range(256)) * 4096 * 17  # 17 MiB: three chunks
    NAME = hashlib.sha256(BIG).hexdigest()

    def test_sends_a_large_file_in_chunks_of_8_mib(self, city):
        line = Between(city.transport)
        state = city.client(transport=line).put_file(self.NAME, content=io.BytesIO(self.BIG), size_bytes=len(self.BIG))
        assert state.is_complete
        ranges = [request.headers["Content-Range"] for request in line.requests if request.method == "PUT"]
        assert [text.split("/")[0] for text in ranges] == [
            "bytes 0-8388607",
            "bytes 8388608-16777215",
            "bytes 16777216-17825791",
        ]
        assert (city.data / "files" / self.NAME[:2] / self.NAME).read_bytes() == self.BIG

    def test_goes_on_where_it_was_interrupted(self, city):
        def fail_second(request):
            if request.method == "PUT" and request.headers["Content-Range"].startswith("bytes 8388608"):
                raise httpx.ConnectError("cut")
            return request

        content = io.BytesIO(self.BIG)
        broken = city.client(transport=Between(city.transport, request=fail_second))
        assert broken.put_file(self.NAME, content=content, size_bytes=len(self.BIG)).is_retryable
        line = Between(city.transport)
        state = city.client(transport=line).put_file(self.NAME, content=content, size_bytes=len(self.BIG))
        assert state.is_complete
        assert [request.method for request in line.requests] == ["HEAD", "PUT", "PUT"]

    def test_sends_nothing_when_the_city_has_it(self, city):
        client = city.client()
        client.put_file(self.NAME, content=io.BytesIO(self.BIG), size_bytes=len(self.BIG))
        line = Between(city.transport)
        city.client(transport=line).put_file(self.NAME, content=io.BytesIO(self.BIG), size_bytes=len(self.BIG))
        assert [request.method for request in line.requests] == ["HEAD"]

    def test_does_not_loop_over_a_file_that_became_shorter(self, client):
        found = client.put_file(self.NAME, content=io.BytesIO(b""), size_bytes=10)
        assert (found.kind, found.code) == (ErrorKind.INVALID, "file_truncated")


@pytest.mark.clause("CC-2.2a")
class TestPersonClaims:
    def test_tells_claims_made_through_other_platforms(self, client):
        rows = client.pull_roster(REAL_CLASS).rows
        found = client.person_claims(rows[19].person_key)
        assert (found.claims_in_year, len(found.claims)) == (3, 3)
        same = client.person_claims(rows[18].person_key).claims
        assert [(claim.trade_code, claim.level) for claim in same] == [("CC-087", "5")]

    def test_counts_only_the_natural_year(self, client):
        rows = client.pull_roster(REAL_CLASS).rows
        found = client.person_claims(rows[17].person_key)
        assert (found.claims_in_year, len(found.claims)) == (0, 1)


class TestHealth:
    def test_tells_the_citys_clock(self, client):
        assert client.health().receiver_time == datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
