"""Write the table of all settings: `python -m app.launcher.settings_table > docs/settings.md`."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from app.core.settings import Settings

_HEAD = """# 运行设置

全部设置只来自环境变量，启动时读取一次。本表由 `python -m app.launcher.settings_table` 生成，测试会把它与程序对照。

| 环境变量 | 默认值 | 可取的值 | 说明 |
| --- | --- | --- | --- |
"""
_LAUNCHER = """
以下变量只用于 Makefile 和测试，不影响生产环境。

| 变量 | 说明 |
| --- | --- |
| `PYTHON` | `make` 用哪个 Python（3.11 到 3.13），默认 python3 |
| `LOGS=1` | `make run` 同时在屏幕上显示日志 |
| `ARGS` | `make test`、`make bench` 的附加参数 |
| `TEST_DATABASE_URL` | 测试用的 PostgreSQL；不设则由测试启动内置数据库 |
| `CI` | 设置后，缺少条件而没有运行的测试算作失败 |
"""


def variable_name(name: str, field: FieldInfo) -> str:
    """Name of the environment variable that sets a field."""
    prefix = Settings.model_config.get("env_prefix", "")
    return field.validation_alias if isinstance(field.validation_alias, str) else f"{prefix}{name}".upper()


def settings_table() -> str:
    """The whole document, one row per field in the order of the class."""
    return _HEAD + "".join(_row(name, field) for name, field in Settings.model_fields.items()) + _LAUNCHER


def _row(name: str, field: FieldInfo) -> str:
    return f"| `{variable_name(name, field)}` | {_default(field)} | {_allowed(name, field)} | {field.description} |\n"


def _default(field: FieldInfo) -> str:
    value = field.default
    if isinstance(value, SecretStr):
        return "仅供开发的默认值，生产环境拒绝启动" if value.get_secret_value() else "无"
    if value is None or value == "":
        return "无"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _allowed(name: str, field: FieldInfo) -> str:
    """Choices of an enumeration, bounds of a number, or what kind of value it is."""
    schema = Settings.model_json_schema(by_alias=False)["properties"][name]
    options = schema.get("anyOf", [schema])
    choices = [f"`{choice}`" for option in options for choice in option.get("enum", [])]
    if choices:
        return "、".join(choices)
    kind = options[0].get("type", "string")
    bounds = options[0].get("minimum"), options[0].get("maximum")
    if kind == "integer" and None not in bounds:
        return f"{bounds[0]} 到 {bounds[1]}"
    path = field.annotation is Path
    return "路径" if path else {"integer": "整数", "boolean": "`true`、`false`", "number": "数"}.get(kind, "文字")


if __name__ == "__main__":
    sys.stdout.write(settings_table())
