"""A platform of tiny programs under the real supervisor: `fake_platform.py VAR WEB_PORT SIMULATOR_PORT [MODE]`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from app.launcher.children import Program
from app.launcher.supervise import Plan, up

SERVER = """
import http.server, os, signal, sys
port, mode = int(sys.argv[1]), sys.argv[2]
if mode == "broken":
    sys.exit("cannot open the door")
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *args):
        pass
print("serving", os.getpid(), flush=True)
http.server.HTTPServer(("127.0.0.1", port), Ready).serve_forever()
"""

LOADER = """
import os, psycopg
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS visit (id serial)")
    connection.execute("INSERT INTO visit DEFAULT VALUES")
    print("· looking")
    print("visits:", connection.execute("SELECT count(*) FROM visit").fetchone()[0])
"""


@dataclass(frozen=True)
class FakeSettings:
    var_dir: Path
    web_port: int
    simulator_port: int
    database_url: str | None = None
    web_host: str = "127.0.0.1"
    is_production: bool = False


def program(name: str, port: int, mode: str) -> Program:
    argv = (sys.executable, "-c", SERVER, str(port), mode)
    return Program(name=name, argv=argv, url=f"http://127.0.0.1:{port}/health/ready", grace_s=3.0)


if __name__ == "__main__":
    var, web, simulator, *modes = sys.argv[1:]
    mode = modes[0] if modes else "plain"
    plan = Plan(
        loader=Program(name="demo-load", argv=(sys.executable, "-c", LOADER)),
        first=(program("simulator", int(simulator), "plain"),),
        then=(program("web", int(web), mode),),
    )
    sys.exit(up(FakeSettings(Path(var), int(web), int(simulator)), plan=plan))
