from __future__ import annotations

import ast
import io
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.canonical import canonical_bytes
from app.core.canonical import canonical_hash as hashed
from app.core.security import Vault
from app.reports.verifier import verify as module
from app.reports.verifier.verify import canonical, ed25519_verify, main, show, verify
from tests.reports.forgery import Forger, check, contents, problems, zipped

pytestmark = pytest.mark.clause("CC-4.1.5", "CC-A2-4.1")

PROGRAM = Path(module.__file__)

VECTORS = [  # RFC 8032, section 7.1: public key, message, signature
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.fixture(scope="session")
def platform_vault(graduate) -> Vault:
    return graduate.platform.vault


class TestEd25519:
    @pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
    def test_agrees_with_the_vectors_of_the_rfc(self, key, message, signature):
        parts = bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature)
        Ed25519PublicKey.from_public_bytes(parts[0]).verify(parts[2], parts[1])
        assert ed25519_verify(*parts)

    @settings(max_examples=25, deadline=None)
    @given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=80), flip=st.integers(0, 2**20))
    def test_agrees_with_the_library_on_right_and_wrong_signatures(self, seed, message, flip):
        private = Ed25519PrivateKey.from_private_bytes(seed)
        key, signature = private.public_key().public_bytes_raw(), private.sign(message)
        assert ed25519_verify(key, message, signature)
        changed = bytearray(key + signature)
        changed[flip // 8 % 96] ^= 1 << flip % 8
        bad_key, bad_signature = bytes(changed[:32]), bytes(changed[32:])
        try:
            Ed25519PublicKey.from_public_bytes(bad_key).verify(bad_signature, message)
            expected = True
        except (InvalidSignature, ValueError):
            expected = False
        assert ed25519_verify(bad_key, message, bad_signature) is expected
        assert not ed25519_verify(key, message + b"x", signature)

    def test_refuses_the_second_form_of_a_signature(self):
        key, message, signature = (bytes.fromhex(part) for part in VECTORS[2])
        s = int.from_bytes(signature[32:], "little") + module.L
        assert not ed25519_verify(key, message, signature[:32] + s.to_bytes(32, "little"))

    @pytest.mark.parametrize("key", [b"", b"\xff" * 32, b"x" * 31])
    def test_refuses_what_is_no_key(self, key):
        assert not ed25519_verify(key, b"", b"\x00" * 64)


class TestCanonical:
    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(2**53) + 1, 2**53 - 1)
            | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
            lambda inner: st.lists(inner) | st.dictionaries(st.text("abc_", max_size=4), inner),
        )
    )
    def test_is_the_same_as_the_platforms(self, value):
        assert canonical(value) == canonical_bytes(value)


class TestProgram:
    def test_needs_only_the_standard_library_of_python_3_8(self):
        tree = ast.parse(PROGRAM.read_text(encoding="utf-8"), feature_version=(3, 8))
        imported = {
            (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
        assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not used & {"removeprefix", "removesuffix", "pairwise"}

    @pytest.mark.parametrize("is_folder", [False, True])
    def test_runs_alone_in_a_bare_python(self, pack, tmp_path, is_folder):
        path = tmp_path / "证据包.zip"
        path.write_bytes(pack)
        with zipfile.ZipFile(path) as archive:
            archive.extractall(tmp_path / "folder")
        target = tmp_path / "folder" if is_folder else path
        command = [sys.executable, "-I", "-S", tmp_path / "folder" / "verify.py", target]
        done = subprocess.run(command, capture_output=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
        assert "结论：通过（OK）" in done.stdout.decode()
        (tmp_path / "folder" / "answers.json").write_bytes(b"{}")
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in (contents(pack) | {"answers.json": b"{}"}).items():
                archive.writestr(name, data)
        done = subprocess.run(command, capture_output=True, check=False, cwd=tmp_path)
        assert done.returncode == 1
        assert "answers.json：内容被改动" in done.stdout.decode()

    def test_says_how_it_is_called(self, capsys, tmp_path):
        assert main([]) == 2
        assert main([str(tmp_path / "nothing.zip")]) == 2
        assert "用法" in capsys.readouterr().out

    @pytest.mark.parametrize("data", [b"", b"no zip", zipped({}), zipped({"manifest.json": b"[]"})])
    def test_never_breaks_down(self, data, tmp_path):
        path = tmp_path / "pack.zip"
        path.write_bytes(data)
        report = verify(path)
        assert not report.is_ok()
        assert "不通过" in show(report)

    def test_ignores_what_file_managers_leave_behind(self, pack, tmp_path):
        with zipfile.ZipFile(io.BytesIO(pack)) as archive:
            archive.extractall(tmp_path)
        (tmp_path / ".DS_Store").write_bytes(b"x")
        assert verify(tmp_path).is_ok()


class TestWhole:
    def test_is_found_intact(self, pack):
        report = check(pack)
        assert report.is_ok(), report.problems
        assert all(count == 0 for _, _, count in report.rows)

    def test_says_that_a_demonstration_class_proves_no_claim(self, pack):
        assert "演示班级，不可用于申领补贴" in show(check(pack))

    def test_shows_and_compares_the_fingerprint_of_the_key(self, pack, platform_vault):
        fingerprint = module.sha256(platform_vault.public_key)
        assert fingerprint in show(check(pack))
        assert check(pack, key=fingerprint).is_ok()
        assert not check(pack, key="0" * 64).is_ok()


class TestChangedByte:
    def test_in_any_file_is_named(self, pack):
        files = contents(pack)
        dice = random.Random(20260302)
        assert len(files) > 12
        for name, data in files.items():
            places = {0, len(data) - 1, *(dice.randrange(len(data)) for _ in range(4))}
            for place in sorted(places):
                changed = bytearray(data)
                changed[place] ^= 1 << dice.randrange(8)
                found = problems(zipped(files | {name: bytes(changed)}))
                assert name in found, (name, place, found)

    @pytest.mark.parametrize("name", ["manifest.json", "manifest.sig", "keys.json", "ledger.json"])
    def test_is_found_when_it_is_a_blank_that_changes_no_meaning(self, pack, name):
        files = contents(pack)
        assert name in problems(zipped(files | {name: files[name] + b"\n"}))

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_anywhere_in_the_zip_is_found_or_changes_nothing(self, pack, data):
        changed = bytearray(pack)
        for _ in range(data.draw(st.integers(1, 3))):
            changed[data.draw(st.integers(0, len(pack) - 1))] ^= data.draw(st.integers(1, 255))
        try:
            report = check(bytes(changed))
        except module.Unreadable:
            return
        if report.is_ok():
            assert contents(bytes(changed)) == contents(pack)


class TestFileList:
    @pytest.mark.parametrize("name", ["ledger.json", "manifest.json", "manifest.sig", "keys.json", "README.txt"])
    def test_names_a_missing_file(self, pack, name):
        files = contents(pack)
        del files[name]
        assert f"{name}：缺少此文件" in problems(zipped(files))

    def test_names_every_missing_picture(self, pack):
        for name in [name for name in contents(pack) if name.startswith("files/")]:
            files = contents(pack)
            del files[name]
            assert f"{name}：缺少此文件" in problems(zipped(files))

    def test_names_a_file_too_many(self, pack):
        assert "files/x.jpg：目录中没有登记的多余文件" in problems(zipped(contents(pack) | {"files/x.jpg": b"x"}))

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_names_a_file_that_is_there_twice(self, pack):
        out = io.BytesIO(pack)
        with zipfile.ZipFile(out, "a") as archive:
            archive.writestr("ledger.json", b"{}")
        assert "ledger.json：同名文件出现两次" in problems(out.getvalue())

    @pytest.mark.parametrize("name", ["../evil.py", "/etc/passwd", "a\\b", "C:/x"])
    def test_names_unsafe_names(self, pack, name):
        assert "不安全的文件名" in problems(zipped(contents(pack) | {name: b"x"}))


@pytest.mark.parametrize("has_key", [False, True], ids=["without the key", "with the key"])
class TestForgedLedger:
    @pytest.fixture
    def forger(self, pack, platform_vault, has_key):
        return lambda: Forger(pack, platform_vault if has_key else None)

    def test_names_any_entry_that_was_removed(self, forger):
        count = len(forger().entries)
        assert count > 15
        for seq in range(1, count + 1):
            entries = forger().entries
            del entries[seq - 1]
            assert f"缺少第 {seq} 条" in problems(forger().with_entries(entries).sealed())

    def test_names_a_stretch_that_was_removed(self, forger):
        entries = forger().entries
        assert "缺少第 3 至 6 条" in problems(forger().with_entries(entries[:2] + entries[6:]).sealed())

    def test_names_any_two_entries_that_changed_places(self, forger):
        for place in range(len(forger().entries) - 1):
            entries = forger().entries
            entries[place], entries[place + 1] = entries[place + 1], entries[place]
            found = problems(forger().with_entries(entries).sealed())
            assert f"第 {place + 1} 条排在第 {place + 2} 条之后" in found

    def test_names_an_entry_that_is_there_twice(self, forger):
        entries = forger().entries
        assert "第 4 条重复" in problems(forger().with_entries([*entries[:4], *entries[3:]]).sealed())

    def test_names_entries_that_swapped_their_numbers(self, forger):
        entries = forger().entries
        for one, seq in ((entries[4], 6), (entries[5], 5)):
            one["envelope"]["seq"] = seq
        found = problems(forger().with_entries(entries).sealed())
        assert "第 5 条" in found
        assert "信封被改动" in found

    def test_names_a_changed_payload(self, forger):
        entries = forger().entries
        target = next(one for one in entries if one["envelope"]["event_type"] == "lesson.completed")
        target["payload"]["hours_granted"] = 8
        seq = target["envelope"]["seq"]
        assert f"第 {seq} 条（lesson.completed）内容被改动" in problems(forger().with_entries(entries).sealed())

    def test_names_a_changed_payload_whose_hash_was_made_to_fit(self, forger):
        entries = forger().entries
        target = next(one for one in entries if one["envelope"]["event_type"] == "exam.graded")
        target["payload"]["objective_score"] = 100
        target["envelope"]["payload_hash"] = hashed(target["payload"])
        target["entry_hash"] = hashed(target["envelope"])
        seq = target["envelope"]["seq"]
        assert f"第 {seq + 1} 条与第 {seq} 条之间的链接断开" in problems(forger().with_entries(entries).sealed())

    def test_names_our_entry_whose_payload_was_taken_out(self, forger):
        entries = forger().entries
        del next(one for one in entries if one["envelope"]["learner_ref"] == "XY001")["payload"]
        assert "缺少内容" in problems(forger().with_entries(entries).sealed())

    def test_misses_what_the_city_confirmed_when_the_chain_was_written_anew(self, forger):
        entries = forger().entries
        gone = entries.pop(3)["envelope"]["event_id"]
        assert f"事件 {gone} 不在账本中（记录被删除）" in problems(forger().relinked(entries).sealed())

    def test_misses_what_the_city_confirmed_when_the_end_was_cut_off(self, forger):
        entries = forger().entries[:-2]
        gone = forger().entries[-2]["envelope"]["event_id"]
        assert f"事件 {gone} 不在账本中" in problems(forger().relinked(entries).sealed())

    def test_names_another_class(self, forger):
        entries = forger().entries
        entries[0]["envelope"]["class_code"] = "220100-X"
        assert "不属于本班级" in problems(forger().with_entries(entries).sealed())

    def test_names_a_last_entry_that_was_written_anew(self, forger):
        entries = forger().entries
        last = entries[-1]
        last["payload"]["last_seq"] = 1
        last["envelope"]["payload_hash"] = hashed(last["payload"])
        last["entry_hash"] = hashed(last["envelope"])
        assert "最后一条与目录中登记的账本末尾不符" in problems(forger().with_entries(entries).sealed())

    def test_knows_a_forger_who_has_no_key(self, forger, has_key):
        changed = forger().edit("manifest.json", lambda manifest: manifest | {"class_name": "别的班"})
        assert ("签名不正确" in problems(changed.sealed())) is not has_key


class TestForgedEvidence:
    """With the platform's key: the ledger's own hashes still tell."""

    @pytest.fixture
    def forger(self, pack, platform_vault):
        return Forger(pack, platform_vault)

    def test_names_changed_heartbeats(self, forger):
        def faster(document):
            document["rounds"][1]["heartbeats"][0]["at_ms"] -= 1

        assert "heartbeats.json：第 2 课" in problems(forger.edit("heartbeats.json", faster).sealed())

    def test_names_missing_heartbeats(self, forger):
        found = problems(forger.edit("heartbeats.json", lambda document: {"rounds": document["rounds"][1:]}).sealed())
        assert "heartbeats.json：第 1 课" in found
        assert "缺少学习心跳" in found

    def test_names_a_changed_answer(self, forger):
        def better(document):
            document["attempts"][0]["records"][0]["value"] = ["F"]

        found = problems(forger.edit("answers.json", better).sealed())
        assert "answers.json：作答记录" in found
        assert "被改动" in found

    def test_names_a_changed_question(self, forger):
        def easier(document):
            document["papers"][0]["questions"][0]["stem"] = "1 + 1 = ?"

        assert "answers.json：试卷" in problems(forger.edit("answers.json", easier).sealed())

    def test_names_a_changed_picture(self, forger):
        name = next(name for name in forger.files if name.endswith(".jpg"))
        forger.files[name] += b"x"
        assert f"{name}：内容被改动" in problems(forger.sealed())

    def test_names_a_picture_that_no_entry_refers_to(self, forger):
        name = f"files/{'1' * 64}.jpg"
        forger.files[name] = b"x"
        forger.edit(
            "manifest.json",
            lambda manifest: manifest["files"].append({"name": name, "bytes": 1, "sha256": module.sha256(b"x")}),
        )
        assert f"{name}：账本没有引用这个文件" in problems(forger.sealed())

    def test_names_a_picture_left_out_of_the_manifest_too(self, forger):
        name = next(name for name in forger.files if name.endswith(".jpg"))
        del forger.files[name]
        forger.edit(
            "manifest.json",
            lambda manifest: manifest | {"files": [item for item in manifest["files"] if item["name"] != name]},
        )
        found = problems(forger.sealed())
        assert name.removesuffix(".jpg") in found
        assert "不在证据包中" in found

    def test_names_a_seed_that_was_not_committed_to(self, forger):
        entries = forger.entries
        closed = entries[-1]
        assert closed["envelope"]["event_type"] == "class.closed"
        closed["payload"]["seed"] = "00" * 32
        closed["envelope"]["payload_hash"] = hashed(closed["payload"])
        assert "随机种子与开班时的承诺不符" in problems(forger.relinked(entries).sealed())

    def test_names_a_receipt_that_the_city_did_not_sign(self, forger):
        def rewrite(document):
            document["receipts"][0]["receiver_time"] = "2020-01-01T00:00:00.000+08:00"

        assert "回执 1 的签名不正确" in problems(forger.edit("receipts.json", rewrite).sealed())

    def test_names_a_delivery_without_a_receipt(self, forger):
        found = problems(forger.edit("receipts.json", lambda document: document | {"receipts": []}).sealed())
        assert "没有对应的回执" in found


class TestForgedKey:
    def test_is_told_by_its_fingerprint(self, pack, platform_vault):
        mine = Vault.from_secret("a forger's own secret, long enough to pass the check")
        forger = Forger(pack, mine)
        own = {"key_id": mine.key_id, "public_key": mine.public_key.hex()}
        forger.edit("keys.json", lambda keys: keys | {"platform": own})
        forger.edit("manifest.sig", lambda signature: signature | {"key_id": mine.key_id})
        forged = forger.sealed()
        assert module.sha256(mine.public_key) in show(check(forged))
        report = check(forged, key=module.sha256(platform_vault.public_key))
        assert any("公钥指纹与您给出的不一致" in problem for problem in report.problems)
