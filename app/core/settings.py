"""Settings: environment variables only, read once by the composition roots.

`docs/settings.md` lists them; a test compares the table with this class.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_SECRET = "insecure-default-secret-for-development-only"  # noqa: S105 - refused in production
MIN_SECRET_LENGTH = 32


class Settings(BaseSettings):
    """Everything that differs between one installation and another."""

    model_config = SettingsConfigDict(env_prefix="ZX_", populate_by_name=True, frozen=True)

    environment: Literal["development", "production"] = Field(
        "development", description="运行环境；production 会拒绝默认密钥并关闭本地短信箱页面"
    )
    database_url: str | None = Field(
        None, validation_alias="DATABASE_URL", description="PostgreSQL 地址；不设则使用内置数据库"
    )
    var_dir: Path = Field(Path("var"), description="数据目录：内置数据库、本地文件、模型、日志")
    web_host: str = Field("127.0.0.1", description="网站监听地址")
    web_port: int = Field(8000, description="网站端口")
    public_url: str = Field("http://localhost:8000", description="用户访问网站的地址，也用于通行密钥和签名链接")
    secret: SecretStr = Field(SecretStr(DEFAULT_SECRET), description="主密钥，至少 32 个字符；其他密钥由它派生")
    field_keys: SecretStr | None = Field(
        None, description="字段加密密钥，形如 1:BASE64,2:BASE64；版本号最大的用于加密，其余只用于解密"
    )
    storage: Literal["local", "s3"] = Field("local", description="文件存储方式：本地目录或 S3")
    s3_endpoint: str = Field("", description="S3 地址，形如 s3.example.com:9000")
    s3_public_url: str | None = Field(None, description="浏览器访问 S3 的地址；不设则与 ZX_S3_ENDPOINT 相同")
    s3_access_key: SecretStr = Field(SecretStr(""), description="S3 访问密钥")
    s3_secret_key: SecretStr = Field(SecretStr(""), description="S3 私有密钥")
    s3_bucket: str = Field("zhengxue", description="S3 存储桶")
    s3_region: str = Field("us-east-1", description="S3 区域名")
    s3_secure: bool = Field(True, description="S3 是否使用 HTTPS")
    city_url: str = Field("http://127.0.0.1:8100", description="实名制系统地址")
    city_key_file: Path | None = Field(None, description="实名制系统公钥文件；不设则用模拟器在数据目录中生成的公钥")
    simulator_host: str = Field("127.0.0.1", description="实名制系统模拟器监听地址，仅用于演示")
    simulator_port: int = Field(8100, description="实名制系统模拟器端口，仅用于演示")
    platform_id: str = Field("P001", description="本平台在实名制系统的编号")
    region: str = Field("220100", description="所属地区的行政区划代码")
    operator_name: str = Field("本平台运营单位", description="运营单位全称，写入用户须知和同意书")
    operator_contact: str = Field("本平台网站公布的联系方式", description="运营单位联系方式，写入用户须知和同意书")
    face_workers: int = Field(1, ge=1, le=64, description="人脸比对进程数")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="日志级别")
    trusted_proxies: str = Field("", description="可信反向代理地址，逗号分隔；只有它们的 X-Forwarded-For 被采信")

    @model_validator(mode="after")
    def _production_is_safe(self) -> Settings:
        if self.environment != "production":
            return self
        secret = self.secret.get_secret_value()
        if secret == DEFAULT_SECRET or len(secret) < MIN_SECRET_LENGTH:
            raise ValueError("生产环境必须设置 ZX_SECRET：至少 32 个字符，且不能用默认值")
        if not self.public_url.startswith("https://"):
            raise ValueError("生产环境的 ZX_PUBLIC_URL 必须以 https:// 开头")
        if self.storage == "s3" and not self.s3_endpoint:
            raise ValueError("ZX_STORAGE=s3 时必须设置 ZX_S3_ENDPOINT")
        return self

    @property
    def is_production(self) -> bool:
        """Tell whether this is a production installation."""
        return self.environment == "production"

    def field_key_versions(self) -> dict[int, bytes] | None:
        """Read the versioned field keys; None when they are derived from the master secret."""
        if self.field_keys is None:
            return None
        pairs = (item.split(":", 1) for item in self.field_keys.get_secret_value().split(","))
        return {int(version): base64.b64decode(key) for version, key in pairs}
