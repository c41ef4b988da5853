"""An S3 server on this machine that counts requests, and fails some of them as a busy store does."""

import functools
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

SLOW_DOWN = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code>'
    b"<Message>Please reduce your request rate.</Message></Error>"
)
DENIED = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
)
FAULTS = ("503 Slow Down", "500 Internal Server Error", "429 Too Many Requests", "reset")
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Silence(ConnectionError):
    """No answer, on a connection that stays open: what a client sees for itself, in 3 s."""


@dataclass
class Faulty:
    """A WSGI application in front of another: `share` of the requests fail; all are counted by method."""

    app: Wsgi
    share: float = 0.0
    closed: bool = False
    """Requests without a signature are refused, as S3 does; moto looks at those that have one."""
    silent: int = 0
    """So many requests from now on have no answer."""
    seed: int = 0
    url: str = ""
    requests: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    lock: Any = field(default_factory=threading.Lock)
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self.lock:
            self.requests[environ["REQUEST_METHOD"]] += 1
            fault = self.chance.choice(FAULTS) if self.chance.random() < self.share else ""
            if self.silent:
                self.silent -= 1
                raise Silence
            if fault:
                self.failed[fault] += 1
        if self.closed and "HTTP_AUTHORIZATION" not in environ:
            start_response("403 Forbidden", [("Content-Type", "application/xml"), ("Content-Length", str(len(DENIED)))])
            return [DENIED]
        if fault == "reset":
            raise ConnectionAbortedError
        if fault:
            start_response(fault, [("Content-Type", "application/xml"), ("Content-Length", str(len(SLOW_DOWN)))])
            return [SLOW_DOWN]
        return self.app(environ, start_response)

    @property
    def environment(self) -> dict[str, str]:
        """What points clients of S3 to this server."""
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ALLOW_HTTP": "true"}
        return {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", **keys}


@contextmanager
def serve(share: float = 0.0, seed: int = 0) -> Iterator[Faulty]:
    """The server, running, with nothing in it: what moto holds is the process's, not the server's."""
    from moto.moto_api._internal import moto_api_backend
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, type: str, message: str, *args: Any) -> None:
            pass

        def connection_dropped(self, error: BaseException, environ: Any = None) -> None:
            self.close_connection = not isinstance(error, Silence)

    moto_api_backend.reset()
    services = DomainDispatcherApplication(create_backend_app)
    # Else it looks through moto's folder for each request, which takes as long as half of those.
    vars(services)["get_backend_for_host"] = functools.cache(services.get_backend_for_host)
    found = Faulty(services, share, seed)
    server = make_server("127.0.0.1", 0, found, threaded=True, request_handler=Quiet)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
