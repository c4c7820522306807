"""The OpenAPI document: what FastAPI knows, plus the hot paths, one shape for every failure, and how to sign in.

`docs/openapi.json` is this document (`python -m app.cli openapi`); a test compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from app.api.deps import COOKIE, PUBLIC_ROUTES
from app.api.hot import HotRoute
from app.api.middleware import CSRF_HEADER, CSRF_VALUE, SAFE_METHODS
from app.api.problems import MEDIA_TYPE
from app.core.db import Json

PREFIX = "/api/"
_REF = "#/components/schemas/{model}"
_SESSION, _PAGE = "session", "page"

PROBLEM: Json = {
    "type": "object",
    "description": "出错时的统一格式（RFC 9457）；detail 用中文说明原因和办法",
    "required": ["type", "title", "status", "detail", "instance", "code"],
    "properties": {
        "type": {"type": "string", "description": "错误类型的地址，/problems/ 加 code"},
        "title": {"type": "string", "description": "这类错误的名称"},
        "status": {"type": "integer", "description": "HTTP 状态码"},
        "detail": {"type": "string", "description": "发生了什么，应该怎么办"},
        "instance": {"type": "string", "description": "请求的路径"},
        "code": {"type": "string", "description": "错误代码，供程序判断"},
        "errors": {
            "type": "array",
            "description": "各填写项的问题",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON Pointer，指向有问题的一项"},
                    "detail": {"type": "string"},
                },
            },
        },
        "retry_after_s": {"type": "integer", "description": "多少秒后可以再试"},
    },
    "additionalProperties": True,
}

_SECURITY_SCHEMES: Json = {
    _SESSION: {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "登录后得到的会话"},
    _PAGE: {
        "type": "apiKey",
        "in": "header",
        "name": CSRF_HEADER,
        "description": f"所有写操作都要带上，值为 {CSRF_VALUE}",
    },
}


class Application(FastAPI):
    """The web application with a complete OpenAPI document.

    Args:
        hot: Hot paths to describe beside the routes.
        **settings: What FastAPI takes.
    """

    def __init__(self, *, hot: Sequence[HotRoute[Any, Any]] = (), **settings: Any) -> None:
        self._hot = hot
        super().__init__(**settings)

    def openapi(self) -> Json:
        """Give the document; it is made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            for path in self._hot:
                _add_hot(document, path)
            _complete(document)
            self.openapi_schema = document
        return self.openapi_schema


def _add_hot(document: Json, path: HotRoute[Any, Any]) -> None:
    said = path.described
    models, definitions = models_json_schema(
        [(said.takes, "validation"), (said.gives, "serialization")], ref_template=_REF
    )
    document["components"]["schemas"].update(definitions.get("$defs", {}))
    document["paths"][path.path] = {
        "post": {
            "tags": [said.tag],
            "summary": said.summary,
            "operationId": said.name,
            "parameters": [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
                for name in re.findall(r"\{(\w+)\}", path.path)
            ],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": models[said.takes, "validation"]}},
            },
            "responses": {
                "200": {
                    "description": "已保存",
                    "content": {"application/json": {"schema": models[said.gives, "serialization"]}},
                }
            },
        }
    }


def _complete(document: Json) -> None:
    components = document["components"]
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    components["schemas"]["Problem"] = PROBLEM
    components["responses"] = {
        "Problem": {
            "description": "没有完成；原因和办法见 detail",
            "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}},
        }
    }
    components["securitySchemes"] = _SECURITY_SCHEMES
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            operation["responses"].pop("422", None)
            for status in ("4XX", "503"):
                operation["responses"][status] = {"$ref": "#/components/responses/Problem"}
            operation["security"] = _security(method.upper(), path)
    document["paths"] = dict(sorted(document["paths"].items()))


def _security(method: str, path: str) -> list[Json]:
    needed: Json = {}
    if path.startswith(PREFIX) and (method, path) not in PUBLIC_ROUTES:
        needed[_SESSION] = []
    if method not in SAFE_METHODS:
        needed[_PAGE] = []
    return [needed] if needed else []
