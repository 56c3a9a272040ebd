"""An endpoint as operators have one: an HTTP server on this machine that speaks OpenAI's API, well or badly."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def openai_server(answer: Callable[[BaseHTTPRequestHandler, Any], None]) -> Iterator[str]:
    """An HTTP server that answers one way; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            answer(self, json.loads(body) | {"path": self.path, "key": self.headers.get("authorization")})

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def reply(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200) -> None:
    handler.send_response(status)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def chat(said: Any) -> bytes:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": said}}]}).encode()


def hang(handler: BaseHTTPRequestHandler, _: Any) -> None:
    time.sleep(1.0)
    with suppress(ConnectionError):  # as below
        reply(handler, b"{}")


def drip(handler: BaseHTTPRequestHandler, _: Any) -> None:
    handler.send_response(200)
    handler.end_headers()
    with suppress(ConnectionError):  # the client hangs up before the end
        for _ in range(20):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.1)
