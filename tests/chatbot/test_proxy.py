"""A gateway that is reached by a proxy only, and that an authority of the house's own vouches for."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from support.chatbots import HELLO, Chatbot, configuration
from support.forward_proxy import HOST, ForwardProxy
from support.gateway import GatewayProcess

Start = Callable[..., Chatbot]
BEHIND = f"https://{HOST}/api/v1"


@pytest.fixture
def proxy(gateway: GatewayProcess, tmp_path: Path) -> Iterator[ForwardProxy]:
    proxy = ForwardProxy(tmp_path / "proxy", gateway.base_url)
    yield proxy
    proxy.stop()


def _ask(chatbot: Chatbot, **more: object) -> httpx.Response:
    return httpx.post(f"{chatbot.url}/v1/chat/completions", json={**HELLO, **more}, timeout=30)


def test_the_gateway_is_asked_by_the_proxy(start_chatbot: Start, proxy: ForwardProxy) -> None:
    chatbot = start_chatbot(
        configuration(BEHIND), HTTPS_PROXY=proxy.url, NO_PROXY=".svc", SSL_CERT_FILE=str(proxy.ca_file)
    )
    answer = _ask(chatbot)
    assert answer.is_success, answer.text
    streamed = _ask(chatbot, stream=True)
    assert "data: [DONE]" in streamed.text
    assert set(proxy.asked) == {f"{HOST}:443"}


def test_nobody_is_believed_whom_no_known_authority_vouches_for(
    start_chatbot: Start, proxy: ForwardProxy, gateway: GatewayProcess
) -> None:
    chatbot = start_chatbot(configuration(BEHIND), HTTPS_PROXY=proxy.url)
    assert _ask(chatbot).status_code == 502
    assert proxy.asked
    assert gateway.requests == {}


def test_hosts_of_no_proxy_are_asked_directly(
    start_chatbot: Start, proxy: ForwardProxy, gateway: GatewayProcess
) -> None:
    chatbot = start_chatbot(
        configuration(gateway.base_url), HTTPS_PROXY=proxy.url, HTTP_PROXY=proxy.url, NO_PROXY="127.0.0.1"
    )
    assert _ask(chatbot).is_success
    assert proxy.asked == []
