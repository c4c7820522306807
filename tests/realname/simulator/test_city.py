import hashlib
import io
import json
import re
from datetime import UTC, date, datetime, timedelta

import pytest

from app.core.clock import FakeClock
from app.realname.protocol import RejectCode, ResultStatus, request_headers
from app.realname.protocol.envelope import holds_id_number
from app.realname.protocol.signing import RequestTarget
from app.realname.simulator.seed import DEFAULT_SEED, load_seed, resolve_day, resolve_instant
from tests.realname.conftest import DEMO_CLASS, REAL_CLASS, ROSTERLESS_CLASS, Chain, LocalCity

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@pytest.fixture(scope="module")
def seed():
    return load_seed(DEFAULT_SEED)


def push_one(city, event, batch_id):
    return city.client().push_events([event], batch_id=batch_id()).results[0]


class TestSeed:
    def test_has_valid_id_numbers_of_a_region_nobody_lives_in(self, seed):
        numbers = [person["id_no"] for person in seed["people"]]
        assert len(set(numbers)) == 20
        assert all(holds_id_number(number.encode()) and number.startswith("990") for number in numbers)
        sexes = [(int(person["id_no"][16]) % 2 == 1) == (person["sex"] == "M") for person in seed["people"]]
        assert all(sexes)

    def test_has_valid_institution_codes(self, seed):
        for institution in seed["institutions"]:
            body, check = institution["uscc"][:17], institution["uscc"][17]
            total = sum(ALPHABET.index(char) * pow(3, place, 31) for place, char in enumerate(body))
            assert check == ALPHABET[-total % 31]

    def test_has_phone_numbers_nobody_has(self, seed):
        assert all(re.fullmatch(r"1990000\d{4}", person["phone"]) for person in seed["people"])

    @pytest.mark.clause("CC-1.1")
    def test_has_trainees_of_every_subsidised_group(self, seed):
        from app.training.vocabulary import PersonCategory

        assert {person["category_code"] for person in seed["people"]} == set(PersonCategory)

    def test_names_a_trade_of_the_catalogue(self, seed):
        from app.training.catalogue import load_trades

        trades = load_trades()
        for item in [*seed["classes"], *seed["claims"]]:
            assert trades[item["trade_code"]].name == item["trade_name"]

    @pytest.mark.parametrize("year", [2025, 2026, 2028])
    def test_works_on_any_day(self, tmp_path, year):
        clock = FakeClock(datetime(year, 1, 1, 3, 0, tzinfo=UTC))
        city = LocalCity(tmp_path, clock=clock)
        real = next(item for item in city.client().pull_classes() if item.class_code == REAL_CLASS)
        assert real.start == date(year, 1, 1) - timedelta(days=7)
        assert real.application_at < real.approved_at < clock.now()
        assert city.client().person_claims("PK2020150462").claims_in_year == 3

    def test_is_used_only_once(self, city, tmp_path, clock):
        clock.advance(timedelta(days=3))
        before = city.client().pull_classes()
        assert LocalCity(tmp_path, clock=clock).client().pull_classes() == before

    @pytest.mark.parametrize(
        ("text", "day"), [("-7d", "2026-02-23"), ("+1d", "2026-03-03"), ("year", "2026-01-01"), ("2026-05-06",) * 2]
    )
    def test_resolves_days(self, text, day):
        assert resolve_day(text, today=date(2026, 3, 2)) == date.fromisoformat(day)

    def test_resolves_instants_in_china(self):
        assert resolve_instant("-2d 14:10", today=date(2026, 3, 2)) == "2026-02-28T14:10:00.000+08:00"


@pytest.mark.clause("CC-4.1.3b")
class TestIntake:
    @pytest.mark.parametrize(
        ("changes", "code", "field"),
        [
            ({"class_code": "nothing"}, RejectCode.UNKNOWN_CLASS, "class_code"),
            ({"region": "220200"}, RejectCode.REGION_NOT_ALLOWED, "region"),
            ({"pack": "jilin@2022.1"}, RejectCode.PACK_MISMATCH, "pack"),
            ({"claimable": False}, RejectCode.CLAIMABLE_MISMATCH, "claimable"),
            ({"learner_ref": "YS0001001"}, RejectCode.UNKNOWN_LEARNER, "learner_ref"),
            ({"platform_id": "P002"}, RejectCode.SCHEMA_INVALID, "platform_id"),
            ({"prev_hash": "f" * 64}, RejectCode.CHAIN_BROKEN, "prev_hash"),
        ],
    )
    def test_refuses_with_a_reason_per_event(self, city, chain, batch_id, changes, code, field):
        result = push_one(city, chain.event(**changes), batch_id)
        assert (result.status, result.code, result.field) == (ResultStatus.REJECTED, code, field)
        assert result.detail
        assert city.rows("select count(*) from event") == [(0,)]

    @pytest.mark.parametrize("days", [-8, 31])
    def test_refuses_lessons_outside_the_class_period(self, city, clock, chain, batch_id, days):
        at = clock.now() + timedelta(days=days)
        assert push_one(city, chain.event(occurred_at=at), batch_id).code is RejectCode.OUT_OF_CLASS_PERIOD

    @pytest.mark.parametrize("days", [-7, 30])
    def test_takes_lessons_on_the_first_and_the_last_day(self, city, clock, chain, batch_id, days):
        at = clock.now() + timedelta(days=days)
        assert push_one(city, chain.event(occurred_at=at), batch_id).status is ResultStatus.STORED

    def test_takes_registrations_before_the_class_begins(self, city, clock, chain, batch_id):
        event = chain.event(
            "learner.registered", {"verify_method": "face"}, occurred_at=clock.now() - timedelta(days=20)
        )
        assert push_one(city, event, batch_id).status is ResultStatus.STORED

    def test_refuses_lessons_after_the_class_is_closed_but_takes_its_report(self, city, chain, batch_id):
        push_one(city, chain.add(), batch_id)
        late = chain.add("class.closed", {}, learner_ref=None)
        assert push_one(city, late, batch_id).status is ResultStatus.STORED
        assert push_one(city, chain.event(), batch_id).code is RejectCode.CLOSED_CLASS
        report = chain.add("report.published", {"report_id": "R1"}, learner_ref=None)
        assert push_one(city, report, batch_id).status is ResultStatus.STORED

    def test_takes_a_missing_lesson_that_came_before_the_closing(self, city, chain, batch_id):
        first, missing = chain.add(), chain.add()
        closing = chain.add("class.closed", {}, learner_ref=None)
        push_one(city, first, batch_id)
        assert push_one(city, closing, batch_id).code is RejectCode.SEQ_GAP
        assert push_one(city, missing, batch_id).status is ResultStatus.STORED

    def test_notices_a_chain_that_was_changed_in_the_middle(self, city, chain, batch_id):
        first, second, third = chain.add_many(3)
        push_one(city, first, batch_id)
        push_one(city, third, batch_id)
        other = Chain(now=chain.now, seed=2)
        other.seq, other.head = 1, second["prev_hash"]
        assert push_one(city, other.event(payload={"result": "failed"}), batch_id).code is RejectCode.CHAIN_BROKEN
        assert push_one(city, second, batch_id).status is ResultStatus.STORED

    def test_keeps_classes_apart(self, city, clock, chain, batch_id):
        demo = Chain(DEMO_CLASS, learner_ref="YS0001001", now=clock.now())
        assert push_one(city, chain.add(), batch_id).status is ResultStatus.STORED
        assert push_one(city, demo.add(), batch_id).status is ResultStatus.STORED

    def test_refuses_trainees_of_a_class_without_roster(self, city, clock, batch_id):
        chain = Chain(ROSTERLESS_CLASS, learner_ref="XY0089001", now=clock.now())
        assert push_one(city, chain.add(), batch_id).code is RejectCode.UNKNOWN_LEARNER

    def test_tells_unknown_trainees_in_the_reconciliation(self, city, chain, batch_id):
        from app.core.clock import local_date
        from app.realname.protocol import DigestKind, compute_digest

        push_one(city, chain.event(learner_ref="stranger"), batch_id)
        digest = compute_digest(
            [], platform_id="P001", class_code=REAL_CLASS, kind=DigestKind.DAILY, day=local_date(chain.now)
        )
        assert city.client().post_digest(digest).unknown_learners == ("stranger",)

    def test_says_by_itself_when_the_last_file_arrived(self, city, chain, batch_id):
        picture = b"picture"
        sha256 = hashlib.sha256(picture).hexdigest()
        file = {"sha256": sha256, "bytes": 7, "media_type": "image/jpeg", "kind": "checkin_image"}
        event = chain.add(files=[file])
        client = city.client()
        client.push_events([event], batch_id=batch_id())
        cursor = client.receipts().next_cursor
        client.put_file(sha256, content=io.BytesIO(picture), size_bytes=7)
        (receipt,) = client.receipts(cursor=cursor).receipts
        assert receipt.batch_id is None
        assert [(item.event_id, item.status) for item in receipt.results] == [(event["event_id"], ResultStatus.STORED)]


class TestHttp:
    def send(self, city, method, path, *, body=b"", key="", extra=None, query=""):
        headers = request_headers(
            RequestTarget(method, path, query),
            signer=city.signer,
            platform_id="P001",
            body=body,
            nonce=hashlib.sha256(body + path.encode() + key.encode()).hexdigest()[:32],
            now=city.clock.now(),
            idempotency_key=key,
        )
        url = f"{path}?{query}" if query else path
        return city.http.request(method, url, content=body, headers={**headers, **(extra or {})})

    @pytest.mark.parametrize(
        ("body", "key"),
        [
            (b"not json", "k"),
            (b"[]", "k"),
            (b'{"batch_id":"k","events":[]}', "k"),
            (b'{"batch_id":"k","events":{}}', "k"),
            (b'{"batch_id":"other","events":[1]}', "k"),
            (b'{"batch_id":"","events":[1]}', ""),
        ],
    )
    def test_refuses_a_malformed_batch_as_a_problem(self, city, body, key):
        answer = self.send(city, "POST", "/rnp/1/events", body=body, key=key)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        problem = answer.json()
        assert problem["code"] == "schema_invalid"
        assert {"type", "title", "status", "detail"} <= problem.keys()

    def test_gives_a_result_even_for_events_that_are_no_objects(self, city):
        body = json.dumps({"batch_id": "k", "events": [1, None, "x", {}]}).encode()
        answer = self.send(city, "POST", "/rnp/1/events", body=body, key="k")
        assert answer.status_code == 202
        assert {result["code"] for result in answer.json()["results"]} == {"schema_invalid"}

    def test_refuses_a_body_above_one_mebibyte(self, city):
        answer = self.send(city, "POST", "/rnp/1/events", body=b"x" * (1024 * 1024 + 1), key="k")
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

    @pytest.mark.parametrize(
        ("path", "query", "status"),
        [
            ("/rnp/1/files/..%2Fcity.sqlite3", "", 404),
            ("/rnp/1/classes", "cursor=x", 422),
            ("/rnp/1/person-claims", "", 422),
            ("/rnp/1/digests/today/diff", "", 422),
            ("/rnp/1/classes/nothing/roster", "", 404),
        ],
    )
    def test_refuses_malformed_addresses(self, city, path, query, status):
        method = "HEAD" if "files" in path else "GET"
        assert self.send(city, method, path, query=query).status_code == status

    @pytest.mark.parametrize("header", [None, "bytes 0-9/5", "bytes 0-3/4", "items 0-4/5", "bytes 0-4/999999999"])
    def test_refuses_a_chunk_with_a_wrong_range(self, city, header):
        extra = {} if header is None else {"Content-Range": header}
        answer = self.send(city, "PUT", f"/rnp/1/files/{'a' * 64}", body=b"12345", extra=extra)
        assert (answer.status_code, answer.json()["code"]) == (422, "range_invalid")

    def test_refuses_a_chunk_that_leaves_a_hole(self, city):
        extra = {"Content-Range": "bytes 5-9/10"}
        answer = self.send(city, "PUT", f"/rnp/1/files/{'a' * 64}", body=b"12345", extra=extra)
        assert (answer.status_code, answer.json()["offset"]) == (409, 0)

    @pytest.mark.parametrize("body", [b"[]", b"{}", b'{"kind":"daily"}'])
    def test_refuses_a_malformed_digest(self, city, body):
        assert self.send(city, "POST", "/rnp/1/digests", body=body).status_code == 422

    def test_lists_its_key_with_its_validity(self, city):
        (key,) = city.http.get("/rnp/1/keys").json()["keys"]
        assert key["key_id"] in city.keys().keys
        assert {"alg", "public_key", "valid_from", "valid_to"} <= key.keys()

    def test_keeps_its_private_key_to_itself(self, city):
        assert (city.data / "city-key.pem").stat().st_mode & 0o077 == 0


class TestFaults:
    def test_are_refused_unless_switched_on(self, tmp_path, clock):
        import httpx

        from app.realname.simulator.server import create_app
        from tests.realname.conftest import InProcess

        app = create_app(data=tmp_path, seed=load_seed(DEFAULT_SEED), platform_key_file=tmp_path / "none", clock=clock)
        with httpx.Client(base_url="http://127.0.0.1", transport=InProcess(app)) as http:
            assert http.post("/simulator/faults", json={"down_s": 5}).status_code == 403

    @pytest.mark.parametrize("plan", [{"unknown": 1}, {"error_ratio": -1}, {"error_ratio": "x"}, [], {"down_s": True}])
    def test_refuse_a_plan_they_do_not_understand(self, city, plan):
        assert city.http.post("/simulator/faults", json=plan).status_code == 422

    def test_can_take_the_city_down_for_a_while(self, city):
        city.misbehave(down_s=10)
        assert city.client().health().status == 503
        city.clock.advance(timedelta(seconds=10))
        assert city.client().health().status == "ok"

    def test_can_set_the_citys_clock_wrong(self, city):
        city.misbehave(clock_skew_s=301)
        assert city.client().pull_classes().code == "clock_skew"

    @pytest.mark.parametrize("name", ["lost_answer_ratio", "broken_answer_ratio", "wrong_receipt_ratio"])
    def test_after_processing_lose_nothing(self, city, chain, batch_id, name):
        city.misbehave(**{name: 1})
        event, batch = chain.add(), batch_id()
        assert city.client().push_events([event], batch_id=batch).is_retryable
        assert city.rows("select event_id from event") == [(event["event_id"],)]
        city.misbehave()
        assert city.client().push_events([event], batch_id=batch).results[0].is_delivered

    def test_before_processing_store_nothing(self, city, chain, batch_id):
        city.misbehave(error_ratio=1)
        assert city.client().push_events([chain.add()], batch_id=batch_id()).status == 500
        assert city.rows("select count(*) from event") == [(0,)]

    def test_process_twice_without_storing_twice(self, city, chain, batch_id):
        city.misbehave(duplicate_ratio=1)
        receipt = city.client().push_events([chain.add()], batch_id=batch_id())
        assert receipt.results[0].status is ResultStatus.STORED
        assert city.rows("select count(*) from event") == [(1,)]
        assert city.http.get("/simulator/faults").json()["counts"] == {"is_duplicated": 1}


class TestPages:
    def test_the_front_page_shows_classes_counts_and_digests(self, city, chain, batch_id):
        push_one(city, chain.add(), batch_id)
        push_one(city, chain.event(learner_ref="stranger"), batch_id)
        page = city.http.get("/").text
        for text in ("养老护理员（五级）线上培训一班", "随机打卡", "名册中没有该学员", "待审批", "否（演示）"):
            assert text in page

    def test_a_class_page_shows_events_with_their_receipts(self, city, chain, batch_id):
        push_one(city, chain.add(), batch_id)
        page = city.http.get(f"/classes/{REAL_CLASS}").text
        assert "第 1 号" in page
        assert "已入库" in page

    def test_never_show_whole_names_or_numbers(self, city, seed):
        page = city.http.get(f"/classes/{REAL_CLASS}").text + city.http.get("/").text
        for person in seed["people"]:
            assert person["id_no"] not in page
            assert person["phone"] not in page
            assert person["name"] not in page

    def test_an_unknown_class_is_a_readable_page(self, city):
        answer = city.http.get("/classes/nothing")
        assert answer.status_code == 404
        assert "没有该班级" in answer.text

    def test_escape_what_comes_from_outside(self, city, chain, batch_id):
        push_one(city, chain.event(class_code="<script>alert(1)</script>"), batch_id)
        assert "<script>" not in city.http.get("/").text
