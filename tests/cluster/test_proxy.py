"""The operator's settings lead chatbots to their gateway by a proxy, and say whom to believe."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support.assistants import Assistants
from support.forward_proxy import HOST, ForwardProxy
from support.gateway import GatewayProcess
from support.operators import OperatorProcess

URL = f"https://{HOST}/api/v1"


def test_chatbots_ask_by_the_proxy(
    start_operator: Callable[..., OperatorProcess],
    assistants: Assistants,
    gateway: GatewayProcess,
    tmp_path: Path,
) -> None:
    proxy = ForwardProxy(tmp_path / "proxy", gateway.base_url)
    start_operator(
        https_proxy=proxy.url, ca_file=str(proxy.ca_file), policy__allowed_gateways=json.dumps([URL])
    )
    assistants.put_key(ACCEPTED.token)
    # The operator itself heeds its own environment, which has no proxy here.
    assistants.apply(gateway={"baseURL": URL}, validation={"mode": "Disabled"})
    assistants.wait_for("Ready")
    assert assistants.ask("Hello")["choices"]
    assert proxy.asked == [f"{HOST}:443"]
    policy: dict[str, Any] = json.loads(assistants.kubectl("get", "networkpolicy", "todo", "-o", "json"))
    port = int(proxy.url.rpartition(":")[2])
    way = {"to": [{"ipBlock": {"cidr": "127.0.0.1/32"}}], "ports": [{"port": port, "protocol": "TCP"}]}
    assert way in policy["spec"]["egress"]
    proxy.stop()
