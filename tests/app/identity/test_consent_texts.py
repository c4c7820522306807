import re

import pytest

from app.identity.consent_texts import FOLDER, HEADINGS, PURPOSES, Parties, load_notice, load_text, load_texts

PARTIES = Parties(operator="长春市某某科技有限公司", contact="0431-00000000")


@pytest.fixture(scope="module")
def texts():
    return load_texts(PARTIES)


class TestLoadTexts:
    @pytest.mark.clause("L-PI-1")
    def test_has_one_text_for_each_purpose(self, texts):
        assert tuple(texts) == PURPOSES
        assert set(texts) == {
            "account",
            "id_card",
            "face_verify",
            "face_store_and_transfer",
            "push_to_realname_system",
            "recording",
        }
        assert len({text.sha256 for text in texts.values()}) == len(texts)

    @pytest.mark.clause("L-PI-3")
    @pytest.mark.parametrize("purpose", PURPOSES)
    def test_says_why_what_how_long_to_whom_how_to_withdraw_and_what_else(self, texts, purpose):
        body = texts[purpose].body_markdown
        assert tuple(re.findall(r"^## (.+)$", body, re.MULTILINE)) == HEADINGS
        assert all(len(part.strip()) > 15 for part in re.split(r"^## .+$", body, flags=re.MULTILINE)[1:])

    @pytest.mark.clause("L-PI-3")
    def test_names_the_recipients(self, texts):
        for purpose in ("face_store_and_transfer", "push_to_realname_system", "recording"):
            recipients = texts[purpose].body_markdown.partition("## 提供给谁")[2].partition("##")[0]
            assert PARTIES.system in recipients
            assert PARTIES.authority in recipients

    @pytest.mark.parametrize("purpose", PURPOSES)
    def test_names_the_operators_contact_for_withdrawal(self, texts, purpose):
        withdrawal = texts[purpose].body_markdown.partition("## 怎样撤回")[2].partition("##")[0]
        assert PARTIES.contact in withdrawal

    @pytest.mark.parametrize("purpose", ["face_verify", "face_store_and_transfer", "recording"])
    def test_offers_another_way_to_who_refuses(self, texts, purpose):
        assert not texts[purpose].is_required
        otherwise = texts[purpose].body_markdown.partition("## 不同意会怎样")[2]
        assert "不影响您学习、考试和申领补贴" in otherwise
        assert "指纹" in otherwise

    @pytest.mark.clause("L-FR-2")
    def test_keeps_children_away_from_face_verification(self, texts):
        assert "不满14周岁" in texts["face_verify"].body_markdown

    def test_requires_only_what_subsidised_training_cannot_do_without(self, texts):
        required = {purpose for purpose, text in texts.items() if text.is_required}
        assert required == {"account", "id_card", "push_to_realname_system"}

    def test_leaves_no_brace_unfilled(self, texts):
        assert not [text.purpose for text in texts.values() if re.search(r"[{}]", text.body_markdown)]

    def test_hashes_what_people_read(self, texts):
        other = load_texts(Parties(operator="另一家公司", contact="0431-00000000"))
        assert texts["account"].sha256 != other["account"].sha256
        assert texts["account"].sha256 == load_texts(PARTIES)["account"].sha256

    @pytest.mark.parametrize("path", sorted(FOLDER.glob("*.md")), ids=lambda path: path.stem)
    def test_writes_short_sentences(self, path):
        sentences = re.split(r"[。！？\n]", path.read_text(encoding="utf-8").rpartition("+++")[2])
        assert max(map(len, sentences)) <= 80


class TestLoadNotice:
    def test_tells_that_people_decide_and_how_to_appeal(self):
        body = load_notice(PARTIES).body_markdown
        assert "不会由机器直接取消您的学时或成绩" in body
        assert "申诉" in body


class TestLoadText:
    @pytest.fixture
    def folder(self, tmp_path):
        for version in ("1.2", "1.10"):
            content = f'+++\ntitle = "t"\nrequired = true\n+++\nBody {version} {{operator}}\n'
            (tmp_path / f"account-{version}.md").write_text(content, encoding="utf-8")
        return tmp_path

    def test_takes_the_newest_version(self, folder):
        text = load_text("account", parties=PARTIES, folder=folder)
        assert (text.version, text.body_markdown) == ("1.10", f"Body 1.10 {PARTIES.operator}\n")

    def test_still_shows_an_old_version(self, folder):
        text = load_text("account", parties=PARTIES, version="1.2", folder=folder)
        assert text.body_markdown.startswith("Body 1.2")

    def test_says_when_there_is_no_such_text(self, folder):
        with pytest.raises(ValueError, match="recording"):
            load_text("recording", parties=PARTIES, folder=folder)

    @pytest.mark.parametrize(
        "content", ["no head", '+++\ntitle = "t"\nrequired = true\n+++\n{nobody}', '+++\ntitle = "t"\n']
    )
    def test_names_a_damaged_file(self, folder, content):
        (folder / "account-2.0.md").write_text(content, encoding="utf-8")
        with pytest.raises(ValueError, match=r"account-2\.0\.md"):
            load_text("account", parties=PARTIES, folder=folder)
