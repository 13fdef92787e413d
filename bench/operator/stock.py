"""A stock Kopf operator of the same children: create, update and resume handlers, as Kopf's tutorials write them.

Its client is aiohttp, the fastest there is here, so that only the way of working is compared.
"""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import kopf
import yaml

from chatassistant_operator.api.policy import Policy
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.cluster.kinds import BY_NAME
from chatassistant_operator.desired.config_map import config_map
from chatassistant_operator.desired.deployment import deployment
from chatassistant_operator.desired.service import service
from chatassistant_operator.desired.service_account import service_account
from chatassistant_operator.observed import Children, Defaults, Observed
from chatassistant_operator.observed.named import Absent

NOW = datetime.now(UTC)
SEEN = Observed(NOW, Policy(), Defaults(image="chatbot:1"), Absent(), None, None, None, Children())


def _server() -> str:
    content = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text(encoding="utf-8"))
    return str(content["clusters"][0]["cluster"]["server"])


@kopf.on.login()
def login(**_: Any) -> kopf.ConnectionInfo:
    return kopf.ConnectionInfo(server=_server())


@kopf.on.startup()
async def startup(memo: kopf.Memo, **_: Any) -> None:
    memo.session = aiohttp.ClientSession(_server())


@kopf.on.cleanup()
async def cleanup(memo: kopf.Memo, **_: Any) -> None:
    await memo.session.close()


@kopf.on.create("chatassistants.chatassistant.dev")
@kopf.on.update("chatassistants.chatassistant.dev")
@kopf.on.resume("chatassistants.chatassistant.dev")
async def reconcile(body: kopf.Body, patch: kopf.Patch, memo: kopf.Memo, **_: Any) -> None:
    assistant = ChatAssistant.parse(dict(body))
    config = config_map(assistant, SEEN)
    for child in (
        service_account(assistant),
        service(assistant),
        config,
        deployment(assistant, SEEN, config["metadata"]["name"], accepted=True),
    ):
        path = BY_NAME[child["kind"]].path(child["metadata"]["namespace"], child["metadata"]["name"])
        query = {"fieldManager": "stock", "force": "true"}
        headers = {"Content-Type": "application/apply-patch+yaml"}
        async with memo.session.patch(path, params=query, json=child, headers=headers) as response:
            response.raise_for_status()
    patch.status["replicas"] = assistant.spec.replicas


@kopf.on.event("apps", "v1", "deployments", labels={"chatassistant.dev/name": kopf.PRESENT})
async def deployment_changed(**_: Any) -> None:
    """Know the Deployments, as an operator that reports on them must."""
