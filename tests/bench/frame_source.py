"""A WebSocket server for one client that sends ready-made frames, and costs as little as it can: a blocking socket.

Arguments: kind of frames, how many at most. Says its port, and sends the opening to whoever connects; then
each line on its standard input is answered, once all is sent, by when that began and what it cost:
`flood FRAMES` sends as fast as they are taken, `paced FRAMES RATE` each for itself, so many a second.
"""

import base64
import hashlib
import json
import socket
import struct
import sys
import time
from itertools import islice

from bench import venue_frames

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_AT_ONCE = 64
_PATIENCE_S = 60.0


def framed(text: bytes) -> bytes:
    """Return ``text`` as one WebSocket text frame."""
    if len(text) < 126:
        return bytes((0x81, len(text))) + text
    if len(text) < 1 << 16:
        return b"\x81\x7e" + struct.pack(">H", len(text)) + text
    return b"\x81\x7f" + struct.pack(">Q", len(text)) + text


def accept(listening: socket.socket) -> socket.socket:
    """Return the connection of the first client, once it speaks WebSocket."""
    link, _ = listening.accept()
    link.settimeout(_PATIENCE_S)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        piece = link.recv(4096)
        assert piece, "the client hung up"
        request += piece
    headers = dict(line.split(b": ", 1) for line in request.split(b"\r\n")[1:] if b": " in line)
    key = next(value for name, value in headers.items() if name.lower() == b"sec-websocket-key")
    answer = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest())
    link.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + answer + b"\r\n\r\n"
    )
    return link


def flood(link: socket.socket, frames: list[bytes]) -> None:
    for first in range(0, len(frames), _AT_ONCE):
        link.sendall(b"".join(frames[first : first + _AT_ONCE]))


def paced(link: socket.socket, frames: list[bytes], rate: float) -> None:
    began = time.monotonic()
    for number, frame in enumerate(frames):
        early_s = began + number / rate - time.monotonic()
        if early_s > 0:
            time.sleep(early_s)
        link.sendall(frame)


def main(kind: str, most: int) -> None:
    opening, texts = venue_frames.of(kind, most)
    frames = iter([framed(text) for text in texts])
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(_PATIENCE_S)
        print(listening.getsockname()[1], flush=True)
        with accept(listening) as link:
            if kind.startswith("btcturk"):
                link.sendall(b"".join(map(framed, opening)))
            for line in sys.stdin:
                how, count, *rate = line.split()
                chosen = list(islice(frames, int(count)))
                assert len(chosen) == int(count), "not enough frames were made ready"
                began, cpu_s = time.monotonic(), time.process_time()
                if how == "flood":
                    flood(link, chosen)
                else:
                    paced(link, chosen, float(rate[0]))
                took_s = time.monotonic() - began
                cores = (time.process_time() - cpu_s) / took_s
                print(json.dumps({"began": began, "took_s": took_s, "cores": cores}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
