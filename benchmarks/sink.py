"""A mail server that takes everything and keeps nothing, for machines without Postfix's smtp-sink: ``python sink.py PORT``."""

import selectors
import socket
import sys

HELLO = b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
ANSWERS = {b"EHLO": HELLO, b"HELO": b"250 sink\r\n", b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}
END = b"\r\n.\r\n"
OK = b"250 ok\r\n"


class Client:
    """One connection: commands are answered line by line, a message when its final dot has come."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._buffer = b""
        self._in_message = False

    def hear(self, data: bytes) -> None:
        """Take what came and answer all of it at once."""
        self._buffer += data
        answers = []
        while True:
            line, found, rest = self._buffer.partition(END if self._in_message else b"\r\n")
            if not found:
                break
            self._buffer = rest
            answers.append(OK if self._in_message else ANSWERS.get(line[:4].upper(), OK))
            self._in_message = not self._in_message and line[:4].upper() == b"DATA"
        if answers:
            self.sock.sendall(b"".join(answers))


def main(port: int) -> None:
    """Serve until killed."""
    ready = selectors.DefaultSelector()
    with socket.create_server(("127.0.0.1", port)) as listener:
        ready.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if isinstance(key.data, Client):
                    _serve(ready, key.data)
                else:
                    sock, _ = listener.accept()
                    sock.sendall(b"220 sink\r\n")
                    ready.register(sock, selectors.EVENT_READ, Client(sock))


def _serve(ready: selectors.BaseSelector, client: Client) -> None:
    try:
        data = client.sock.recv(262_144)
        if data:
            client.hear(data)
            return
    except OSError:
        pass
    ready.unregister(client.sock)
    client.sock.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
