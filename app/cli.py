"""Operator commands: `python -m app.cli COMMAND`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from app.core.db import start_embedded
from app.core.log import configure_logging
from app.core.settings import Settings

cli = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="证学：网络线上培训第三方监管平台"
)


def read_settings() -> Settings:
    """Read the environment; wrong settings are named in one line each, exit code 1."""
    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors():
            name = "_".join(str(part) for part in problem["loc"]).upper()
            message = problem["msg"].removeprefix("Value error, ")
            typer.echo(f"✗ 设置有误：{name + '：' if name else ''}{message}", err=True)
        raise typer.Exit(1) from None


def database_url_of(settings: Settings) -> str:
    """Find the database: `DATABASE_URL`, or the embedded server (started when it is not running)."""
    return settings.database_url or start_embedded(settings.var_dir / "postgres").url


@cli.command()
def up(*, show_logs: Annotated[bool, typer.Option(help="同时在屏幕上显示日志")] = False) -> None:
    """Start database, simulator, worker and web; stop all with Ctrl-C."""
    from app.launcher.supervise import up as supervise  # noqa: PLC0415 - only here

    sys.exit(supervise(read_settings(), show_logs=show_logs))


@cli.command()
def web() -> None:
    """Serve the web application."""
    import uvicorn  # noqa: PLC0415 - only here

    from app.main import create_app  # noqa: PLC0415 - heavy
    from app.wiring import build  # noqa: PLC0415 - heavy

    settings = read_settings()
    configure_logging(settings.log_level)
    uvicorn.run(
        create_app(build(settings, database_url=database_url_of(settings), with_faces=True)),
        host=settings.web_host,
        port=settings.web_port,
        access_log=False,
        log_config=None,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
        server_header=False,
    )


@cli.command()
def worker() -> None:
    """Run background jobs until stopped."""
    from app.wiring import build  # noqa: PLC0415 - heavy
    from app.worker import run  # noqa: PLC0415 - heavy

    settings = read_settings()
    configure_logging(settings.log_level)
    url = database_url_of(settings)
    run(build(settings, database_url=url), database_url=url)


@cli.command()
def simulator() -> None:
    """Serve the simulator of the city's real-name system, for demonstrations."""
    import uvicorn  # noqa: PLC0415 - only here

    from app.core.clock import SystemClock  # noqa: PLC0415 - only here
    from app.realname.simulator.seed import DEFAULT_SEED, load_seed  # noqa: PLC0415 - only here
    from app.realname.simulator.server import create_app as create_city  # noqa: PLC0415 - only here
    from app.wiring.platform import PLATFORM_KEY  # noqa: PLC0415 - heavy

    settings = read_settings()
    configure_logging(settings.log_level)
    city = create_city(
        data=settings.var_dir / "simulator",
        seed=load_seed(DEFAULT_SEED),
        platform_key_file=settings.var_dir / PLATFORM_KEY,
        clock=SystemClock(),
        allows_faults=not settings.is_production,
    )
    uvicorn.run(city, host=settings.simulator_host, port=settings.simulator_port, log_config=None, access_log=False)


@cli.command()
def demo_load() -> None:
    """Load the demonstration data; the city must be running."""
    from app.demo.load import load_demo  # noqa: PLC0415 - heavy
    from app.wiring import build  # noqa: PLC0415 - heavy

    settings = read_settings()
    if settings.is_production:
        typer.echo("生产环境不能载入演示数据", err=True)
        raise typer.Exit(1)
    platform = build(settings, database_url=database_url_of(settings))
    try:
        typer.echo(load_demo(platform, say=lambda text: typer.echo(f"· {text}")))
    finally:
        platform.close()


@cli.command()
def demo() -> None:
    """Play the whole journey in Chromium on a platform of its own; keep what it made."""
    from app.demo.play import DemoFailed, play_demo  # noqa: PLC0415 - only here

    try:
        result = play_demo(read_settings().var_dir.resolve(), say=typer.echo)
    except DemoFailed as failed:
        typer.echo(f"✗ 演示没有走完：{failed}", err=True)
        raise typer.Exit(1) from failed
    for fault in result.faults:
        typer.echo(f"! {fault}", err=True)
    typer.echo(f"""
演示完成，结果在 {result.folder}
  screenshots        每一步的截图（手机 390x844、电脑 1440x900）
  paper.pdf          学员的答卷
  evidence-pack.zip  证据包，里面有全部记录、照片和核对程序
  verify.txt         核对程序的结论""")
    raise typer.Exit(0 if result.is_proven and not result.faults else 1)


@cli.command()
def migrate() -> None:
    """Bring the database to the schema of this version."""
    from app.core.migrate import SchemaIsNewer, upgrade  # noqa: PLC0415 - only here

    try:
        upgrade(database_url_of(read_settings()))
    except SchemaIsNewer as error:
        typer.echo(f"数据库的结构（{error}）比这个版本的程序新，请先更新程序", err=True)
        raise typer.Exit(1) from error


@cli.command()
def openapi(path: Annotated[Path, typer.Argument(help="写到哪里")] = Path("docs/openapi.json")) -> None:
    """Write the OpenAPI document of the public interface."""
    from app.main import create_app  # noqa: PLC0415 - heavy
    from app.wiring import build  # noqa: PLC0415 - heavy

    app = create_app(build(read_settings(), database_url="postgresql://localhost/never-connected"))
    path.write_text(json.dumps(app.openapi(), ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    cli()
