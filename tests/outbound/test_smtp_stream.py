"""However a server talks, reading its reply ends: in bytes, in lines and in time."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from cms_core.outbound.smtp_stream import Garbled, Lost, SmtpStream


@contextlib.contextmanager
def talking(say: Callable[[socket.socket], None]) -> Iterator[SmtpStream]:
    """A stream whose other end says something again and again, until nobody listens."""
    ours, theirs = socket.socketpair()
    ours.settimeout(0.2)

    def talk() -> None:
        with contextlib.suppress(OSError):
            while True:
                say(theirs)

    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    try:
        yield SmtpStream(ours)
    finally:
        ours.close()
        theirs.shutdown(socket.SHUT_RDWR)
        thread.join()
        theirs.close()


def drip(sock: socket.socket) -> None:
    sock.sendall(b"2")
    time.sleep(0.05)


@pytest.mark.parametrize(
    "say",
    [lambda sock: sock.sendall(b"2" * 10_000), lambda sock: sock.sendall(b"250-more\r\n" * 100), drip],
    ids=["no line end", "no last line", "a byte at a time"],
)
def test_a_reply_without_end_is_given_up(say: Callable[[socket.socket], None]) -> None:
    began = time.monotonic()
    with talking(say) as stream, pytest.raises(Garbled, match="no end"):
        stream.reply()
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("said", "code", "text"),
    [
        (b"250 ok\r\n", 250, "ok"),
        (b"250 ok\n", 250, "ok"),
        (b"250\r\n", 250, ""),
        (b"250-a\r\n250-b\r\n250 c\r\n", 250, "a\nb\nc"),
        (b"250-a\r\n250\r\n", 250, "a\n"),
        (b"550 \xff\xfe\r\n", 550, "��"),
    ],
)
def test_replies_are_read(said: bytes, code: int, text: str) -> None:
    with talking(lambda sock: sock.sendall(said)) as stream:
        for _ in range(3):
            reply = stream.reply()
            assert (reply.code, reply.text) == (code, text)


@pytest.mark.parametrize(
    "said",
    [
        b"hello\r\n",
        b"\r\n",
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"199 ok\r\n",
        b"600 ok\r\n",
        b"250-a\r\n251 b\r\n",
        b"\xb2\xb2\xb2 ok\r\n",
    ],
)
def test_what_is_no_reply_is_garbled(said: bytes) -> None:
    with talking(lambda sock: sock.sendall(said)) as stream, pytest.raises(Garbled):
        stream.reply()


def test_421_is_a_polite_goodbye() -> None:
    with (
        talking(lambda sock: sock.sendall(b"421-4.3.2 bye\r\n421 now\r\n")) as stream,
        pytest.raises(Lost) as caught,
    ):
        stream.reply()
    assert (caught.value.polite, str(caught.value)) == (True, "4.3.2 bye now")
