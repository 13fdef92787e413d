"""The stand-in as a process of its own."""

import signal
import sys
from pathlib import Path

import httpx
import pytest

from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support.processes import start, stop
from support.waiting import eventually


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_by_hand(tmp_path: Path, number: signal.Signals) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-m", "chatassistant_operator.local.openrouter", "--port", "0"]
    process = start(command, log)
    try:
        url = eventually(lambda: log.read_text().strip(), "the base URL is printed")
        assert url.startswith("http://127.0.0.1:")
        key = httpx.get(f"{url}/key", headers={"Authorization": f"Bearer {ACCEPTED.token}"})
        assert key.status_code == 200
        process.send_signal(number)
        assert process.wait(10) == 0
        assert log.read_text().strip() == url, "it says nothing else"
    finally:
        stop(process)
