"""Run the to-do assistant on this machine, with no cluster: its tool server, and `kubectl-assistant run`.

    python deploy/samples/todo/run.py --ask "What is on my list?"

All arguments are those of `kubectl-assistant run`. The list is kept in TODO_DATABASE, by default in
~/.local/state/chatassistant/todo.sqlite.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import NoReturn

_HERE = Path(__file__).parent
_MANIFEST = _HERE / "todo.yaml"
_SERVER = _HERE / "server.py"
_IN_CLUSTER = "http://todo-tools/mcp"
_START_SECONDS = 60
_END_SECONDS = 5
_POLICY = "CHATASSISTANT_POLICY__ALLOWED_ENDPOINTS"
_FIRST = ("Ask the assistant what is on the list", "Have it add a task of my own")


@contextlib.contextmanager
def tool_server() -> Generator[str, None, None]:
    """The tool server, at a free port of this machine; gives its URL."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    database = os.environ.get("TODO_DATABASE") or state / "chatassistant" / "todo.sqlite"
    port = _free_port()
    first = [word for text in _FIRST for word in ("--first", text)]
    command = [sys.executable, _SERVER, "--port", str(port), "--database", database, *first]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(process, port)
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            process.terminate()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def main() -> int:
    """Run both until the assistant ends; gives its exit status."""
    # So that nothing is left behind; kubectl-assistant ends its chatbots by itself.
    signal.signal(signal.SIGTERM, _end)
    with tool_server() as url, tempfile.TemporaryDirectory(prefix="chatassistant-") as folder:
        manifest = Path(folder) / "todo.yaml"
        manifest.write_text(_MANIFEST.read_text(encoding="utf-8").replace(_IN_CLUSTER, url), encoding="utf-8")
        allowed = json.loads(os.environ.get(_POLICY) or '["Public", "SameNamespace"]')
        command = [sys.executable, "-m", "chatassistant_operator.cli", "run", manifest, *sys.argv[1:]]
        environment = {**os.environ, _POLICY: json.dumps([*allowed, url])}
        with subprocess.Popen(command, env=environment) as process:
            try:
                return process.wait()
            except KeyboardInterrupt:
                # The terminal told it as well.
                return process.wait()
            finally:
                process.terminate()


def _end(_: int, __: object) -> NoReturn:
    sys.exit(0)


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"The tool server does not start; try it by itself: {sys.executable} {_SERVER}")
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port: int = server.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
