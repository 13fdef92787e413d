"""The stand-in as a process of its own."""

import signal
import sys
from pathlib import Path

import httpx
import pytest

from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support.gateway import GatewayProcess
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


def test_a_test_changes_what_it_knows(tmp_path: Path) -> None:
    gateway = GatewayProcess(tmp_path)
    headers = {"Authorization": f"Bearer {ACCEPTED.token}"}

    def remaining() -> float | None:
        answer = httpx.get(f"{gateway.base_url}/key", headers=headers).json()["data"]["limit_remaining"]
        return None if answer is None else float(answer)

    try:
        gateway.put_key(token=ACCEPTED.token, limit=1)
        gateway.put_model(id="openai/gpt-5-mini", ended=True)
        assert remaining() == 1
        assert httpx.get(f"{gateway.base_url}/model/openai/gpt-5-mini").status_code == 404
        (first, key), (second, model) = gateway.times
        assert (key, model) == ("GET /key", "GET /model/{author}/{slug}")
        assert first <= second
        with pytest.raises(AssertionError, match="colour"):
            gateway.put_key(token=ACCEPTED.token, colour="red")
        gateway.reset()
        assert gateway.times == []
        assert remaining() is None
        assert httpx.get(f"{gateway.base_url}/model/openai/gpt-5-mini").status_code == 200
    finally:
        gateway.stop()
