"""Asks for pixels as fast as they come: by wrk where it is installed, else ``python load.py PORT PREFIX TOKENS SECONDS``."""

import json
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

WRK = shutil.which("wrk")
CONNECTIONS = 8
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass
class Answered:
    """How many requests were answered, how many of them not with 200, and in how many seconds."""

    count: int = 0
    bad: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Good answers a second; raises RuntimeError when there were others."""
        if self.bad or not self.count:
            raise RuntimeError(f"{self.bad} of {self.count} answers were not 200")
        return self.count / self.seconds


class Load:
    """A running load on one address; ``wait`` gives what was answered, also when the server was killed meanwhile."""

    def __init__(self, port: int, prefix: str, tokens: Path, seconds: int) -> None:
        script = Path(__file__)
        command = [sys.executable, str(script), str(port), prefix, str(tokens), str(seconds)]
        if WRK:
            url = f"http://127.0.0.1:{port}/"
            lua = str(script.with_suffix(".lua"))
            command = [
                WRK,
                "-t1",
                f"-c{CONNECTIONS}",
                f"-d{seconds}s",
                "-s",
                lua,
                url,
                "--",
                str(tokens),
                prefix,
            ]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def wait(self) -> Answered:
        """Until its time is over."""
        output, _ = self._process.communicate()
        return _of_wrk(output) if WRK else Answered(**json.loads(output))


def _of_wrk(output: str) -> Answered:
    """wrk counts whole answers; those that are not 2xx or 3xx in a line of their own."""
    found = re.search(r"(\d+) requests in ([\d.]+)(m?s)", output)
    if found is None:
        raise RuntimeError(f"wrk says {output!r}")
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    seconds = float(found[2]) / (1000 if found[3] == "ms" else 1)
    return Answered(int(found[1]), int(bad[1]) if bad else 0, seconds)


class Client(threading.Thread):
    """One connection that is kept alive; ends with its time or with the server."""

    def __init__(self, port: int, paths: Iterator[str], until: float) -> None:
        super().__init__()
        self.answered = Answered()
        self._port, self._paths, self._until = port, paths, until

    def run(self) -> None:
        try:
            with socket.create_connection(("127.0.0.1", self._port)) as sock:
                file = sock.makefile("rb")
                while time.monotonic() < self._until:
                    sock.sendall(next(self._paths).encode())
                    status = file.readline()
                    length = 0
                    while (line := file.readline()) not in (b"\r\n", b""):
                        if line.lower().startswith(b"content-length:"):
                            length = int(line[15:])
                    if len(file.read(length)) < length or not status:
                        return
                    self.answered.count += 1
                    self.answered.bad += b" 200 " not in status
        except OSError:
            return


def _requests(prefix: str, tokens: list[str]) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        address = f"198.18.{number // 250 % 250}.{number % 250 + 1}"
        yield (
            f"GET {prefix}{tokens[number % len(tokens)]}.gif HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: {AGENT}\r\n"
            f"X-Forwarded-For: {address}\r\n\r\n"
        )


def main(port: str, prefix: str, tokens: str, seconds: str) -> None:
    """Print what was answered as JSON."""
    start = time.monotonic()
    all_tokens = Path(tokens).read_text().split()
    shares = [all_tokens[first::CONNECTIONS] for first in range(CONNECTIONS)]
    clients = [Client(int(port), _requests(prefix, share), start + int(seconds)) for share in shares]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    each = [client.answered for client in clients]
    total = Answered(sum(a.count for a in each), sum(a.bad for a in each), time.monotonic() - start)
    print(json.dumps(asdict(total)))


if __name__ == "__main__":
    main(*sys.argv[1:])
