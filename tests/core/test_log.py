from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from app.core.log import configure_logging, mask_text
from tests.id_numbers import generated_id_number

ID_NUMBER = "11010519491231002X"
PHONE = "19900000001"
CARD = "6222020000000000003"


class TestMaskText:
    @pytest.mark.parametrize(
        ("text", "masked"),
        [
            (ID_NUMBER, "110***2X"),
            (ID_NUMBER.lower(), "110***2x"),
            (generated_id_number(1), f"{generated_id_number(1)[:3]}***{generated_id_number(1)[-2:]}"),
            (PHONE, "199***01"),
            (CARD, "622***03"),
            (f"学员{ID_NUMBER}，电话{PHONE}。", "学员110***2X，电话199***01。"),
            (f'{{"phone": "{PHONE}"}}', '{"phone": "199***01"}'),
            (f"phone={PHONE}&x=1", "phone=199***01&x=1"),
            (f"+86{PHONE}", "+86***01"),
            (f"86 {PHONE}", "86 ***01"),
            (f"{PHONE}\n{PHONE}", "199***01\n199***01"),
        ],
    )
    def test_hides_numbers_of_people(self, text, masked):
        assert mask_text(text) == masked

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "01a20203-f31a-745e-94ec-fb55f31965b1",
            "a" * 64,
            "0" * 64,
            "2026-03-02T09:00:00.000+08:00",
            "12345678",
            "12345678901",
            "1772413200000",
            "220100-2026-000123",
        ],
    )
    def test_leaves_ids_hashes_and_times_alone(self, text):
        assert mask_text(text) == text


class TestConfigureLogging:
    @pytest.fixture
    def lines(self):
        """Everything that is logged, as JSON lines; the configuration of the tests is put back afterwards."""
        root, before = logging.getLogger(), structlog.get_config()
        handlers, level = root.handlers[:], root.level
        configure_logging("DEBUG")
        stream = io.StringIO()
        root.handlers[0].setStream(stream)
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**before)

    def test_masks_what_slips_in_by_any_way(self, lines):
        logger = structlog.wrap_logger(None)
        logger.info("text", phone=PHONE, nested={"numbers": [ID_NUMBER]}, pair=(CARD, 1))
        logging.getLogger("some_library").warning("sent to %s", PHONE, extra={"who": ID_NUMBER})
        try:
            int(f"no such person: {ID_NUMBER}")
        except ValueError:
            logger.exception("failed")
            logging.getLogger("some_library").exception("failed")
        written = json.dumps(lines(), ensure_ascii=False)
        assert len(lines()) == 4
        assert not any(secret in written for secret in (PHONE, ID_NUMBER, CARD))
        assert "no such person: 110***2X" in written

    def test_keeps_the_local_variables_of_a_failure_to_itself(self, lines):
        def sign_in(password: str) -> None:
            raise RuntimeError

        secret = "Bamboo-forest-7"
        try:
            sign_in(secret)
        except RuntimeError:
            structlog.wrap_logger(None).exception("failed")
        assert secret not in json.dumps(lines())
        assert "sign_in" in json.dumps(lines())

    def test_writes_one_json_object_a_line(self, lines):
        structlog.wrap_logger(None).info("two\nlines", text='引号"和换行\n')
        (line,) = lines()
        assert (line["event"], line["text"], line["level"]) == ("two\nlines", '引号"和换行\n', "info")
        assert line["timestamp"].endswith("Z")
