"""Check an evidence pack offline, with Python 3.8 or later and nothing else.

证学证据包离线校验程序：不联网，不安装任何软件。

用法：python3 verify.py 证据包.zip        （也可以是解压后的文件夹）
      python3 verify.py 证据包.zip --key 公钥指纹

The chain of trust: the platform's signature covers `manifest.json`; the manifest names size and SHA-256 of every
file; the entries of `ledger.json` name each other's hashes and the hashes of pictures, heartbeats and answers.

Clauses: CC-4.1.5, CC-A2-4.1
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import sys
import unicodedata
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any, Iterator  # noqa: UP035 - as old Pythons have it

VERSION = "1"
FORMAT = "zhengxue-evidence-1"
GENESIS = "0" * 64
MANIFEST, SIGNATURE, KEYS, LEDGER = "manifest.json", "manifest.sig", "keys.json", "ledger.json"
HEARTBEATS, ANSWERS, RECEIPTS = "heartbeats.json", "answers.json", "receipts.json"
MAX_FILE = 256 * 1024 * 1024
MAX_SHOWN = 30
IGNORED = {".DS_Store", "Thumbs.db", "desktop.ini"}
ABSENT = {"deleted": "已按保存期限删除", "damaged": "平台存储中的文件已损坏"}


# ---- Ed25519（RFC 8032 第 5.1 节的参考算法，只有验签）

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def ed25519_verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Check an Ed25519 signature (64 bytes) with a public key (32 bytes)."""
    if (len(public_key), len(signature)) != (32, 64):
        return False
    a_point, r_point = _decompress(public_key), _decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a_point is None or r_point is None or s >= L:
        return False
    digest = hashlib.sha512(signature[:32] + public_key + message).digest()
    k = int.from_bytes(digest, "little") % L
    return _equal(_multiply(s, _base_point()), _add(r_point, _multiply(k, a_point)))


def _recover_x(y: int, sign: int) -> int | None:
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0:
        x = x * SQRT_M1 % P
    if (x * x - square) % P != 0:
        return None
    return P - x if (x & 1) != sign else x


def _decompress(data: bytes) -> tuple[int, int, int, int] | None:
    y = int.from_bytes(data, "little")
    sign = y >> 255
    y &= (1 << 255) - 1
    x = _recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def _base_point() -> tuple[int, int, int, int]:
    y = 4 * pow(5, P - 2, P) % P
    x = _recover_x(y, 0) or 0
    return x, y, 1, x * y % P


def _add(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _multiply(factor: int, point: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    result = (0, 1, 1, 0)
    while factor > 0:
        if factor & 1:
            result = _add(result, point)
        point = _add(point, point)
        factor >>= 1
    return result


def _equal(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    return (one[0] * other[2] - other[0] * one[2]) % P == 0 and (one[1] * other[2] - other[1] * one[2]) % P == 0


# ---- 规范 JSON（RFC 8785）与摘要


def canonical(value: Any) -> bytes:
    """Write a value as canonical JSON: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode(
        "utf-8", "surrogatepass"
    )


def sha256(data: bytes) -> str:
    """Hash bytes; 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def parse(data: bytes) -> Any:
    """Read strict JSON: no double keys, no fractions, UTF-8 only; anything else is a ValueError."""
    try:
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=_no_doubles, parse_float=_refuse, parse_constant=_refuse
        )
    except RecursionError:
        raise ValueError("嵌套过深") from None


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("同一名称出现两次")
    return found


def _refuse(text: str) -> Any:
    raise ValueError("不允许的数字 " + text)


# ---- 证据包：ZIP 或文件夹


class Unreadable(Exception):
    """A file, or the whole pack, cannot be read; the message says why."""


class ZipPack:
    """A pack as it was downloaded."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
            self.names = [info.filename for info in self._zip.infolist() if not info.filename.endswith("/")]
        except Exception as error:
            raise Unreadable("压缩包已损坏，无法打开：" + str(error)) from error

    def read(self, name: str) -> bytes:
        """Read one file."""
        try:
            with self._zip.open(name) as stream:
                data = stream.read(MAX_FILE + 1)
        except Exception as error:  # 损坏的压缩包会引起各种异常，一律视为该文件损坏
            raise Unreadable("文件在压缩包中已损坏，无法读取") from error
        if len(data) > MAX_FILE:
            raise Unreadable("文件过大")
        return data


class FolderPack:
    """A pack that was unpacked."""

    def __init__(self, path: Path) -> None:
        self._root = path
        self.names = sorted(
            found.relative_to(path).as_posix()
            for found in path.rglob("*")
            if not found.is_dir() and found.name not in IGNORED and "__MACOSX" not in found.parts
        )

    def read(self, name: str) -> bytes:
        """Read one file."""
        try:
            return (self._root / name).read_bytes()
        except OSError as error:
            raise Unreadable("文件无法读取") from error


# ---- 校验


class Report:
    """What was checked, and what is wrong."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, int]] = []
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.head: list[str] = []

    def is_ok(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.problems

    def check(self, title: str, amount: str, problems: Iterator[str]) -> bool:
        """Run one check: write a row and its problems; True when there are none."""
        found = []
        try:
            for problem in problems:
                found.append(problem)  # noqa: PERF402 - keeps what was found before a failure
        except Exception as error:  # noqa: BLE001 - whatever a forged file provokes is a finding, not a crash
            found.append(f"{title}（{amount}）：内容被改动，无法按规定格式读取（{error!r}）")
        self.rows.append((title, amount, len(found)))
        known = set(self.problems)
        self.problems.extend(problem for problem in found if problem not in known)
        return not found


class Verifier:
    """Checks one pack; `run` gives the report."""

    def __init__(self, pack: ZipPack | FolderPack, expected_key: str | None = None) -> None:
        self.pack = pack
        self.expected_key = expected_key
        self.report = Report()
        self.manifest: dict[str, Any] = {}
        self.entries: list[dict[str, Any]] = []
        self._digests: dict[str, tuple[int, str]] = {}

    def run(self) -> Report:
        """Check everything; a broken part does not hide what is wrong with the others."""
        report = self.report
        report.check("压缩包结构", f"{len(self.pack.names)} 个文件", self._names())
        report.check("目录签名", MANIFEST, self._manifest())
        listed = self.manifest.get("files", [])
        report.check("文件完整", f"{len(listed)} 个文件", self._files(listed))
        report.check("存证账本", LEDGER, self._ledger())
        report.check("照片和文档", "账本引用的文件", self._references())
        report.check("学习心跳", HEARTBEATS, self._heartbeats())
        report.check("试卷和作答", ANSWERS, self._answers())
        report.check("随机种子", "承诺与揭示", self._seed())
        report.check("实名制系统回执", RECEIPTS, self._receipts())
        self._describe()
        return report

    def _document(self, name: str) -> Any:
        try:
            return parse(self.pack.read(name))
        except Unreadable as error:
            reason = str(error) if name in self.pack.names else "缺少此文件"
            raise Unreadable(f"{name}：{reason}") from error
        except ValueError as error:
            raise Unreadable(f"{name}：内容被改动或已损坏（不是规范的 JSON）") from error

    def _names(self) -> Iterator[str]:
        seen: set[str] = set()
        for name in self.pack.names:
            parts = name.split("/")
            if name.startswith("/") or "\\" in name or ".." in parts or ":" in name:
                yield f"{name}：不安全的文件名"
            if name in seen:
                yield f"{name}：同名文件出现两次"
            seen.add(name)

    def _manifest(self) -> Iterator[str]:
        try:
            data = self.pack.read(MANIFEST) if MANIFEST in self.pack.names else b""
            self.manifest = _object(self._document(MANIFEST), MANIFEST)
            signature = _object(self._document(SIGNATURE), SIGNATURE)
            if canonical(signature) != self.pack.read(SIGNATURE) or set(signature) != {
                "algorithm",
                "key_id",
                "manifest_sha256",
                "signature",
            }:
                yield f"{SIGNATURE}：内容被改动（格式不对）"
                return
            if signature["manifest_sha256"] != sha256(data):
                yield f"{MANIFEST}：内容被改动（与 {SIGNATURE} 中的摘要不符）"
            yield from self._signature(data, signature)
        except Unreadable as error:
            yield str(error)
            return
        if self.manifest.get("format") != FORMAT:
            yield "{}：不认识的格式 {}".format(MANIFEST, self.manifest.get("format"))

    def _signature(self, manifest: bytes, signature: dict[str, Any]) -> Iterator[str]:
        keys = _object(self._document(KEYS), KEYS).get("platform")
        key_hex = keys.get("public_key") if isinstance(keys, dict) else None
        key, sealed = _unhex(key_hex), _unhex(signature["signature"])
        fingerprint = sha256(key)
        self.report.notes.append(f"平台公钥指纹：{fingerprint}（请与平台或人社部门公布的指纹核对）")
        if self.expected_key and fingerprint != self.expected_key.lower():
            yield f"{KEYS}：公钥指纹与您给出的不一致，这不是平台签发的证据包"
        if signature["algorithm"] != "ed25519" or signature["key_id"] != fingerprint[:16]:
            yield f"{SIGNATURE}：签名所用的公钥与 {KEYS} 不一致"
        if not ed25519_verify(key, manifest, sealed):
            yield f"签名不正确：{MANIFEST}、{SIGNATURE} 或 {KEYS} 被改动"

    def _files(self, listed: Any) -> Iterator[str]:
        names = set(self.pack.names)
        known = {MANIFEST, SIGNATURE}
        for item in listed if isinstance(listed, list) else []:
            name = item.get("name") if isinstance(item, dict) else None
            known.add(str(name))
            if name not in names:
                yield f"{name}：缺少此文件"
                continue
            yield from self._same(name, item)
        for name in sorted(names - known):
            yield f"{name}：目录中没有登记的多余文件"
        for name in (LEDGER, HEARTBEATS, ANSWERS, RECEIPTS, KEYS, "verify.py", "README.txt"):
            if name not in known:
                yield f"{name}：目录中没有登记"

    # ---- 账本

    def _ledger(self) -> Iterator[str]:
        try:
            entries = _object(self._document(LEDGER), LEDGER).get("entries")
            if not isinstance(entries, list) or not all(_is_entry(entry) for entry in entries):
                yield f"{LEDGER}：内容被改动（格式不对）"
                return
        except Unreadable as error:
            yield str(error)
            return
        self.entries = sorted(entries, key=lambda entry: int(entry["envelope"]["seq"]))
        yield from self._sequence([entry["envelope"]["seq"] for entry in entries])
        for entry in self.entries:
            yield from self._entry(entry)
        yield from self._links()

    def _sequence(self, order: list[int]) -> Iterator[str]:
        head, expected = self.manifest.get("head_seq"), 1
        ends = [head + 1] if isinstance(head, int) else []
        for seq in sorted(set(order + ends)):
            if seq > expected:
                gap = f"第 {expected} 条" if seq == expected + 1 else f"第 {expected} 至 {seq - 1} 条"
                yield f"{LEDGER}：缺少{gap}"
            expected = max(expected, seq + 1)
        for seq, count in sorted(Counter(order).items()):
            if count > 1 or seq < 1:
                yield f"{LEDGER}：第 {seq} 条重复或序号不对"
        for place, seq in enumerate(order[1:]):
            if seq < order[place]:
                yield f"{LEDGER}：顺序被改动，第 {seq} 条排在第 {order[place]} 条之后"
        if order and isinstance(head, int) and max(order) > head:
            yield f"{LEDGER}：末尾多出记录，目录只登记到第 {head} 条"

    def _entry(self, entry: dict[str, Any]) -> Iterator[str]:
        envelope = entry["envelope"]
        where = f"{LEDGER}：第 {envelope['seq']} 条（{envelope.get('event_type')}）"
        if sha256(canonical(envelope)) != entry["entry_hash"]:
            yield where + "信封被改动，与其摘要不符"
        if "payload" in entry:
            if sha256(canonical(entry["payload"])) != envelope.get("payload_hash"):
                yield where + "内容被改动，与信封中的摘要不符"
        elif self._is_ours(envelope):
            yield where + "缺少内容"
        if envelope.get("class_code") != self.manifest.get("class_code"):
            yield where + "不属于本班级"

    def _links(self) -> Iterator[str]:
        previous = {entry["envelope"]["seq"]: entry["entry_hash"] for entry in self.entries}
        previous[0] = GENESIS
        ids = [entry["envelope"].get("event_id") for entry in self.entries]
        for entry in self.entries:
            seq, link = entry["envelope"]["seq"], entry["envelope"].get("prev_hash")
            if seq - 1 in previous and previous[seq - 1] != link:
                yield f"{LEDGER}：第 {seq} 条与第 {seq - 1} 条之间的链接断开（有记录被替换、删除或插入）"
        if len(set(ids)) != len(ids):
            yield f"{LEDGER}：事件编号重复"
        if self.entries and previous.get(self.manifest.get("head_seq", -1)) != self.manifest.get("head_hash"):
            yield f"{LEDGER}：最后一条与目录中登记的账本末尾不符"

    def _is_ours(self, envelope: dict[str, Any]) -> bool:
        return envelope.get("learner_ref") in (None, self.manifest.get("learner_ref"))

    def _ours(self, event_type: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """List envelope and payload of our entries of a type."""
        return [
            (entry["envelope"], entry["payload"])
            for entry in self.entries
            if entry["envelope"].get("event_type") == event_type and isinstance(entry.get("payload"), dict)
        ]

    # ---- 账本所引用的东西

    def _references(self) -> Iterator[str]:
        held = {}
        for name in self.pack.names:
            if name.startswith("files/"):
                held[name.split("/")[-1].split(".")[0]] = name
        reasons = {item.get("sha256"): item.get("reason") for item in _dicts(self.manifest.get("absent"))}
        used = set()
        for entry in self.entries:
            envelope = entry["envelope"]
            if not self._is_ours(envelope):
                continue
            for file in _dicts(envelope.get("files")):
                digest = file.get("sha256")
                used.add(digest)
                where = f"第 {envelope['seq']} 条引用的文件 {str(digest)[:16]}…"
                if digest in held:
                    yield from self._same(held[digest], file)
                elif reasons.get(digest) == "deleted":
                    self.report.notes.append(where + ABSENT["deleted"])
                else:
                    yield "files/{}：{}{}".format(digest, where, ABSENT.get(str(reasons.get(digest)), "不在证据包中"))
        for digest in sorted(set(held) - used):
            yield f"{held[digest]}：账本没有引用这个文件"

    def _same(self, name: str, file: dict[str, Any]) -> Iterator[str]:
        try:
            if self._digest(name) != (file.get("bytes"), file.get("sha256")):
                yield f"{name}：内容被改动（与登记的长度或摘要不符）"
        except Unreadable as error:
            yield f"{name}：{error}"

    def _digest(self, name: str) -> tuple[int, str]:
        """Read a file once; its length and hash."""
        if name not in self._digests:
            data = self.pack.read(name)
            self._digests[name] = (len(data), sha256(data))
        return self._digests[name]

    def _heartbeats(self) -> Iterator[str]:
        try:
            rounds = _by_event(self._document(HEARTBEATS), HEARTBEATS, "rounds")
        except Unreadable as error:
            yield str(error)
            return
        for envelope, payload in self._ours("lesson.completed"):
            where = f"{HEARTBEATS}：第 {payload.get('lesson_no')} 课（账本第 {envelope['seq']} 条）"
            found = rounds.pop(envelope.get("event_id"), None)
            if found is None:
                yield where + "缺少学习心跳"
                continue
            beats = found.get("heartbeats")
            if sha256(canonical(beats)) != payload.get("heartbeats_sha256"):
                yield where + "心跳被改动，与账本中的摘要不符"
            elif not isinstance(beats, list) or len(beats) != payload.get("heartbeat_count"):
                yield where + "心跳条数与账本不符"
        for event_id in sorted(map(str, rounds)):
            yield f"{HEARTBEATS}：没有对应的课程完成记录：{event_id}"

    def _answers(self) -> Iterator[str]:
        try:
            document = self._document(ANSWERS)
            logs, papers = _by_event(document, ANSWERS, "attempts"), _by_event(document, ANSWERS, "papers")
        except Unreadable as error:
            yield str(error)
            return
        for event_type, held, member, wanted, what in (
            ("exam.submitted", logs, "records", "answer_log_sha256", "作答记录"),
            ("exam.started", papers, "questions", "paper_sha256", "试卷"),
        ):
            for envelope, payload in self._ours(event_type):
                where = f"{ANSWERS}：{what}（账本第 {envelope['seq']} 条）"
                found = held.pop(envelope.get("event_id"), None)
                if found is None:
                    yield where + "不在证据包中"
                elif sha256(canonical(found.get(member))) != payload.get(wanted):
                    yield where + "被改动，与账本中的摘要不符"
            for event_id in sorted(map(str, held)):
                yield f"{ANSWERS}：没有对应的账本记录：{event_id}"

    def _seed(self) -> Iterator[str]:
        commitments = [payload.get("seed_commitment") for _, payload in self._ours("class.opened")]
        closed = self._ours("class.closed")
        if not closed:
            self.report.notes.append("班级尚未结束，随机种子还没有公布")
        for envelope, payload in closed:
            seed = _unhex(payload.get("seed"))
            if sha256(b"zhengxue-seed\x00" + seed) not in commitments:
                yield f"{LEDGER}：第 {envelope['seq']} 条公布的随机种子与开班时的承诺不符"

    # ---- 回执

    def _receipts(self) -> Iterator[str]:
        try:
            document = _object(self._document(RECEIPTS), RECEIPTS)
            keys = {
                item.get("key_id"): _unhex(item.get("public_key"))
                for item in _dicts(_object(self._document(KEYS), KEYS).get("city"))
            }
        except Unreadable as error:
            yield str(error)
            return
        seqs = {entry["envelope"].get("event_id"): entry["envelope"]["seq"] for entry in self.entries}
        confirmed: dict[Any, set[Any]] = {}
        for receipt in _dicts(document.get("receipts")):
            number = receipt.get("receipt_id")
            yield from self._receipt(receipt, keys)
            stored = [one for one in _dicts(receipt.get("results")) if one.get("status") in ("stored", "duplicate")]
            confirmed[number] = {one.get("event_id") for one in stored}
            for event_id in sorted(str(one) for one in confirmed[number] if one not in seqs):
                yield f"{LEDGER}：回执 {number} 证明已报送的事件 {event_id} 不在账本中（记录被删除）"
        waiting = 0
        for delivery in _dicts(document.get("deliveries")):
            if delivery.get("status") != "delivered":
                waiting += 1
            elif delivery.get("event_id") not in confirmed.get(delivery.get("receipt_id"), set()):
                yield "{}：第 {} 条没有对应的回执".format(RECEIPTS, seqs.get(delivery.get("event_id")))
        if waiting:
            self.report.notes.append(f"有 {waiting} 条记录制作证据包时尚未得到实名制系统回执")

    def _receipt(self, receipt: dict[str, Any], keys: dict[Any, bytes]) -> Iterator[str]:
        key = keys.get(receipt.get("key_id"))
        number = receipt.get("receipt_id")
        if key is None:
            self.report.notes.append(f"回执 {number} 的签名未核对：证据包中没有实名制系统的公钥")
            return
        unsigned = {name: value for name, value in receipt.items() if name != "signature"}
        text = str(receipt.get("signature"))
        start = "alg=ed25519;sig="
        try:
            sealed = base64.b64decode(text[len(start) :], validate=True) if text.startswith(start) else b""
        except binascii.Error:
            sealed = b""
        if not ed25519_verify(key, canonical(unsigned), sealed):
            yield f"{RECEIPTS}：回执 {number} 的签名不正确"

    def _describe(self) -> None:
        manifest = self.manifest
        self.report.head = [
            "班级：{} {}".format(manifest.get("class_code"), manifest.get("class_name")),
            "学员编号：{}".format(manifest.get("learner_ref")),
            "制作时间：{}".format(manifest.get("made_at")),
            "账本：共 {} 条，末尾摘要 {}".format(manifest.get("head_seq"), manifest.get("head_hash")),
        ]
        if manifest.get("claimable") is not True:
            self.report.head.append("注意：演示班级，不可用于申领补贴")


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable(f"{name}：内容被改动（格式不对）")
    return value


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _by_event(document: Any, name: str, member: str) -> dict[Any, dict[str, Any]]:
    return {item.get("event_id"): item for item in _dicts(_object(document, name).get(member))}


def _is_entry(entry: Any) -> bool:
    envelope = entry.get("envelope") if isinstance(entry, dict) else None
    seq = envelope.get("seq") if isinstance(envelope, dict) else None
    return isinstance(seq, int) and not isinstance(seq, bool) and isinstance(entry.get("entry_hash"), str)


def _unhex(text: Any) -> bytes:
    try:
        return binascii.unhexlify(text) if isinstance(text, str) and text == text.lower() else b""
    except (binascii.Error, ValueError):
        return b""


# ---- 命令行


def verify(path: Path, expected_key: str | None = None) -> Report:
    """Check a pack: a ZIP, or the folder it was unpacked into."""
    try:
        pack = FolderPack(path) if path.is_dir() else ZipPack(path)
    except Unreadable as error:
        report = Report()
        report.check("压缩包结构", str(path.name), iter([str(error)]))
        return report
    return Verifier(pack, expected_key).run()


def show(report: Report) -> str:
    """Write a report for people."""
    lines = [f"证学证据包校验程序（第 {VERSION} 版）", "", *report.head, ""]
    lines.append(_pad("检查项", 18) + _pad("范围", 22) + "结果")
    lines.append("-" * 52)
    for title, amount, count in report.rows:
        lines.append(_pad(title, 18) + _pad(amount, 22) + ("通过" if count == 0 else f"发现 {count} 个问题"))
    lines.append("")
    lines.extend("说明：" + note for note in _shortened(report.notes))
    if report.is_ok():
        lines.append("结论：通过（OK）。证据包完整，未被改动。")
    else:
        lines.append(f"结论：不通过，共 {len(report.problems)} 个问题：")
        lines.extend("  " + problem for problem in _shortened(report.problems))
    return "\n".join(lines) + "\n"


def _shortened(lines: list[str]) -> list[str]:
    rest = len(lines) - MAX_SHOWN
    return lines if rest <= 0 else [*lines[:MAX_SHOWN], f"……另有 {rest} 条未列出"]


def _pad(text: str, width: int) -> str:
    wide = sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
    return text + " " * max(1, width - wide)


def main(arguments: list[str]) -> int:
    """Run from the command line: 0 when all is well, 1 when not, 2 when called wrongly."""
    key = None
    if "--key" in arguments and arguments.index("--key") + 1 < len(arguments):
        place = arguments.index("--key")
        key = arguments[place + 1]
        arguments = arguments[:place] + arguments[place + 2 :]
    if len(arguments) != 1 or not Path(arguments[0]).exists():
        sys.stdout.write("用法：python3 verify.py 证据包.zip [--key 平台公钥指纹]\n")
        return 2
    report = verify(Path(arguments[0]), key)
    sys.stdout.write(show(report))
    return 0 if report.is_ok() else 1


if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    sys.exit(main(sys.argv[1:]))
