"""Read policy packs from their TOML files.

A file ``changchun-2020.1.toml`` holds one pack. ``extends = "base"`` or another file's name takes over that
file's rules first; tables are merged key by key, everything else is replaced. What makes a pack this pack
(`_OWN`: name, period, whether claimable) is never taken over. ``_base.toml`` is no pack: it holds what the
regions' documents leave open and this platform decides once. The package's own files lie in
``app/policy/data``; an operator may keep further ones in a folder of their own.

Clauses:
    CC-7.2.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from app.policy.errors import PackInvalid, PackUnknown
from app.policy.rules import Pack, choose_pack

DATA = Path(__file__).parent / "data"

_OWN = frozenset(
    {
        "id", "version", "title", "region", "project", "valid_from", "valid_to", "superseded_by",
        "claimable", "notices", "trades", "urgent_trades",
    }
)  # fmt: skip

_REASONS = {
    "missing": "缺少这一项",
    "extra_forbidden": "没有这个项目，请检查拼写",
    "int_type": "应为整数",
    "bool_type": "应为 true 或 false",
    "string_type": "应为文字",
    "date_type": "应为日期，例如 2020-01-01",
    "greater_than": "数值太小",
    "greater_than_equal": "数值太小",
    "less_than_equal": "数值太大",
    "literal_error": "不在允许的取值之内",
    "string_pattern_mismatch": "格式不正确",
}


def load_packs(*folders: Path) -> dict[str, Pack]:
    """Read all packs of the product and of further folders.

    Args:
        *folders: Folders of an operator's own packs; a later file replaces an earlier one of the same name.

    Returns:
        Packs by reference, such as ``changchun@2020.1``, in the order of the references.

    Raises:
        PackInvalid: A file cannot be read or a value is wrong; the detail names file and key.
    """
    raw = {path.stem: _parse(path) for folder in (DATA, *folders) for path in sorted(folder.glob("*.toml"))}
    packs = (_validate(stem, _resolve(stem, raw, seen=())) for stem in sorted(raw) if not stem.startswith("_"))
    return dict(sorted((pack.ref, pack) for pack in packs))


def get_pack(ref: str, *, packs: Mapping[str, Pack]) -> Pack:
    """Return the pack of a reference.

    Raises:
        PackUnknown: It is not installed.
    """
    try:
        return packs[ref]
    except KeyError:
        raise PackUnknown(f"没有安装规则包 {ref}，请从规则包列表中选择。", ref=ref) from None


def pack_for(
    region: str, *, approved_opening_date: date, packs: Mapping[str, Pack], project: str | None = None
) -> Pack:
    """Choose the pack a class of `region` is bound to by its approved opening date.

    Raises:
        NoPackInForce: No installed pack covers that day there.

    Clauses:
        CC-7.2, HLJ-4.
    """
    return choose_pack(packs.values(), region=region, approved_opening_date=approved_opening_date, project=project)


def digest(pack: Pack) -> str:
    """Hash all values of a pack, so that a class can prove which rules it was bound to.

    Returns:
        SHA-256 in hex of the sorted, compact JSON of the pack; fractions and dates are text.
    """
    content = json.dumps(pack.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PackInvalid(f"规则包文件 {path.name} 不是正确的 TOML：{error}", file=path.name) from error


def _resolve(stem: str, raw: Mapping[str, dict[str, Any]], *, seen: tuple[str, ...]) -> dict[str, Any]:
    """Merge a file over the file it extends."""
    own = dict(raw[stem])
    parent = own.pop("extends", None)
    if parent is None:
        return own
    found = next((name for name in (parent, f"_{parent}") if name in raw), None)
    if found is None or found in (*seen, stem):
        problem = "找不到" if found is None else "循环引用"
        raise PackInvalid(
            f"规则包文件 {stem}.toml 的 extends 不正确：{problem} {parent}。",
            file=f"{stem}.toml",
            keys=["extends"],
        )
    below = _resolve(found, raw, seen=(*seen, stem))
    return _merge({key: value for key, value in below.items() if key not in _OWN}, own)


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if isinstance(value, dict) and isinstance(under, dict):
            merged[key] = _merge(under, value)
        else:
            merged[key] = value
    return merged


def _validate(stem: str, values: Mapping[str, Any]) -> Pack:
    name = f"{stem}.toml"
    try:
        pack = Pack.model_validate(values)
    except ValidationError as error:
        problems = list(_problems(error))
        raise PackInvalid(
            f"规则包文件 {name} 有误：" + "；".join(f"{key} {reason}" for key, reason in problems) + "。",
            file=name,
            keys=[key for key, _ in problems],
        ) from error
    if stem != f"{pack.id}-{pack.version}":
        raise PackInvalid(
            f"规则包文件 {name} 有误：id、version 与文件名不一致，应为 {pack.id}-{pack.version}.toml。",
            file=name,
            keys=["id", "version"],
        )
    return pack


def _problems(error: ValidationError) -> Iterator[tuple[str, str]]:
    """Name each wrong key with its reason in Chinese, or in the checker's own words."""
    for item in error.errors(include_url=False):
        key = ".".join(str(part) for part in item["loc"]) or "（整体）"
        yield key, _REASONS.get(item["type"], item["msg"])
