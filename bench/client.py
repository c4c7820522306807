"""A small HTTP load generator: one process, many keep-alive connections, honest trainees."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from dataclasses import dataclass, field

from bench.scene import Learner

PATH = "/api/v1/me/sessions/{}/heartbeats"


@dataclass
class Tally:
    """What came back.

    Attributes:
        latencies: Seconds of each answered request.
        errors: Answers that were not 200, by status.
        credited: Milliseconds of credit in the last acknowledgement, by session.
        acknowledged: Acknowledged heartbeats, by session.
    """

    latencies: list[float] = field(default_factory=list)
    errors: dict[int, int] = field(default_factory=dict)
    credited: dict[str, int] = field(default_factory=dict)
    acknowledged: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Answered requests per second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: int) -> float:
        """A percentile of the latency in milliseconds."""
        return statistics.quantiles(self.latencies, n=100)[share - 1] * 1000

    def line(self, name: str) -> str:
        """One line for people."""
        return (
            f"{name:<34} {self.rate:8.0f}/s   p50 {self.percentile(50):7.1f} ms   p99 {self.percentile(99):7.1f} ms"
            f"   errors {sum(self.errors.values())} {self.errors or ''}"
        )


class Connection:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def post(
        self, path: str, body: bytes, cookie: str, *, content: str = "application/json"
    ) -> tuple[int, bytes]:
        """Send one request and read its answer, over a new connection when the server closed the idle one."""
        try:
            return await self._post(path, body, cookie, content)
        except (asyncio.IncompleteReadError, ConnectionError):
            self._reader = self._writer = None
            return await self._post(path, body, cookie, content)

    async def _post(self, path: str, body: bytes, cookie: str, content: str) -> tuple[int, bytes]:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content}\r\nX-Requested-With: zhengxue\r\n"
            f"Cookie: zx_session={cookie}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        raw = await self._reader.readuntil(b"\r\n\r\n")
        status = int(raw[9:12])
        lowered = raw.lower()
        place = lowered.index(b"content-length:") + 15
        length = int(lowered[place : lowered.index(b"\r\n", place)])
        return status, await self._reader.readexactly(length)


class Player:
    """One trainee's page: sends what it really played since its last heartbeat."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self.seq = 1
        self.token = learner.token
        self.position_ms = 0
        self.last = time.monotonic()

    def body(self) -> bytes:
        """Write the next heartbeat: the media played in the time since the last one."""
        played = int((time.monotonic() - self.last) * 1000)
        return json.dumps(
            {
                "seq": self.seq,
                "token": self.token,
                "intervals": [[self.position_ms, self.position_ms + played]],
                "position_ms": self.position_ms + played,
                "rate": 1,
                "hidden": False,
                "muted": False,
                "playing": True,
                "client_at": None,
            }
        ).encode()

    def take(self, answer: bytes) -> None:
        """Go on from an acknowledgement."""
        told = json.loads(answer)
        self.seq, self.token = told["seq"] + 1, told["next_token"]
        self.position_ms = int(told["furthest_s"] * 1000)
        self.last = time.monotonic()


async def beat(connection: Connection, player: Player, tally: Tally, *, echo: bool) -> None:
    """Send one heartbeat, or the same body to the echo route."""
    path = "/bench/echo" if echo else PATH.format(player.learner.session_id)
    body = player.body()
    sent = time.perf_counter()
    status, answer = await connection.post(path, body, player.learner.cookie)
    tally.latencies.append(time.perf_counter() - sent)
    if status != 200:
        tally.errors[status] = tally.errors.get(status, 0) + 1
        return
    if echo:
        return
    player.take(answer)
    session = player.learner.session_id
    tally.credited[session] = round(json.loads(answer)["credited_s"] * 1000)
    tally.acknowledged[session] = tally.acknowledged.get(session, 0) + 1


async def saturate(port: int, players: list[Player], *, seconds: float, connections: int, echo: bool) -> Tally:
    """Let every connection send as fast as answers come, each cycling through its share of the players."""
    tally = Tally()
    ends = time.monotonic() + seconds

    async def run(share: list[Player]) -> None:
        connection = Connection(port)
        while True:
            for player in share:
                if time.monotonic() >= ends:
                    return
                await beat(connection, player, tally, echo=echo)

    started = time.monotonic()
    await asyncio.gather(*(run(players[number::connections]) for number in range(connections)))
    tally.seconds = time.monotonic() - started
    return tally


async def pace(port: int, players: list[Player], *, seconds: float, every_s: float) -> Tally:
    """Let each player send one heartbeat every `every_s` seconds, evenly spread, each on its own connection."""
    tally = Tally()
    ends = time.monotonic() + seconds

    async def run(player: Player, delay: float) -> None:
        connection = Connection(port)
        await asyncio.sleep(delay)
        while time.monotonic() < ends:
            due = time.monotonic() + every_s
            await beat(connection, player, tally, echo=False)
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    started = time.monotonic()
    await asyncio.gather(*(run(player, every_s * n / len(players)) for n, player in enumerate(players)))
    tally.seconds = time.monotonic() - started
    return tally
