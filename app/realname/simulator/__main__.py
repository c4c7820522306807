"""Start a city real-name system as its own process.

``python -m app.realname.simulator --port 8100 --data var/simulator --platform-key var/platform-key.pub``

The platform writes its public key (base64, one a line) into the file named by ``--platform-key``; this process reads
it again whenever it changes. This process writes its own public key to ``<data>/city-key.pub``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import uvicorn

from app.core.clock import SystemClock
from app.realname.simulator.seed import DEFAULT_SEED, load_seed
from app.realname.simulator.server import create_app


def main() -> None:
    """Read the command line and serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m app.realname.simulator", description="城市实名制系统模拟程序")
    parser.add_argument("--host", default="127.0.0.1", help="监听地址")
    parser.add_argument("--port", type=int, default=8100, help="监听端口")
    parser.add_argument("--data", type=Path, default=Path("var/simulator"), help="数据目录")
    parser.add_argument("--seed", type=Path, default=DEFAULT_SEED, help="首次启动时装入的基础数据")
    parser.add_argument("--platform-key", type=Path, default=Path("var/platform-key.pub"), help="平台公钥文件")
    parser.add_argument("--allow-faults", action="store_true", help="允许 POST /simulator/faults")
    options = parser.parse_args()
    app = create_app(
        data=options.data,
        seed=load_seed(options.seed),
        platform_key_file=options.platform_key,
        clock=SystemClock(),
        allows_faults=options.allow_faults,
    )
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
