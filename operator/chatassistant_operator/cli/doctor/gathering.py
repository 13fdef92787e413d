"""Everything that the doctor reads and asks, with the rights of the command's user; nothing is run in a pod."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import aiohttp

from chatassistant_operator.api import names
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.checks.secret import usable_key
from chatassistant_operator.cli.caller import AnswerError, through_port_forward
from chatassistant_operator.cli.connection import Connection
from chatassistant_operator.cli.doctor.credentials import may_be_sent, observed
from chatassistant_operator.cli.doctor.snapshot import RIGHTS, Answer, Live, Many, One, Right, Snapshot
from chatassistant_operator.cli.failure import CommandError, ExitStatus
from chatassistant_operator.cli.parsing import parsed
from chatassistant_operator.cluster.errors import ClusterError, NotFoundError
from chatassistant_operator.cluster.kinds import CHAT_ASSISTANT, DEPLOYMENT, LEASE, POD, SECRET, Kind
from chatassistant_operator.observed import Manifest
from chatassistant_operator.observed.gateway import Catalogue, KeyAccepted, KeyRefused
from chatassistant_operator.observed.named import Absent, Unreadable
from chatassistant_operator.openrouter.client import OpenRouter
from chatassistant_operator.openrouter.errors import OpenRouterError, RefusedError

_LEASE: Final = "chatassistant-operator"
_NETWORK_POLICY: Final = Kind("NetworkPolicy", "networkpolicies", "networking.k8s.io", "v1")
_REVIEW: Final = Kind("SelfSubjectAccessReview", "selfsubjectaccessreviews", "authorization.k8s.io", "v1")
_QUESTION: Final = "Answer with one word: are you there?"
_ANSWER_TOKENS: Final = 16
_GREETING_SECONDS: Final = 4.5


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command's user wants.

    Attributes:
        live: Whether the gateway is asked from here.
        question: Whether the assistant is asked a question.
    """

    live: bool
    question: bool


async def snapshots(
    connection: Connection, name: str | None, *, all_namespaces: bool, wishes: Wishes
) -> AsyncIterator[Snapshot]:
    """What is known of each assistant that is meant; one snapshot of the trouble where none can be read."""
    now, server = await _greeting(connection), connection.access.server
    if isinstance(now, Unreadable):
        yield Snapshot(connection.namespace, name or "*", now, datetime.now(UTC))
        return
    blank = Snapshot(connection.namespace, name or "*", server, now)
    try:
        if not await connection.client.serves(CHAT_ASSISTANT):
            yield replace(blank, served=False)
            return
        found = await connection.assistants(name, all_namespaces=all_namespaces)
    except CommandError:
        yield blank
        return
    except ClusterError as error:
        yield replace(blank, assistant=Unreadable(str(error)))
        return
    for assistant in found:
        yield await snapshot(connection, assistant, now, wishes)


async def again(connection: Connection, seen: Snapshot, wishes: Wishes) -> Snapshot:
    """What is known now of the assistant of a snapshot.

    Raises:
        CommandError: when it is gone.
        ClusterError: when the API server is.
    """
    here, now = replace(connection, namespace=seen.namespace), await _greeting(connection)
    time_ = seen.now if isinstance(now, Unreadable) else now
    return await snapshot(here, await here.assistant(seen.name), time_, wishes)


async def snapshot(connection: Connection, assistant: Manifest, now: datetime, wishes: Wishes) -> Snapshot:
    """What is known of one assistant; no question is asked yet."""
    metadata = assistant["metadata"]
    name, namespace = metadata["name"], metadata["namespace"]
    here = replace(connection, namespace=namespace)
    ref = assistant["spec"].get("credentials", {}).get("apiKeySecretRef", {}).get("name", "")
    client = connection.client
    selector = {"labelSelector": f"{names.NAME_LABEL}={name}"}
    rights, leases, secret, deployment, pods, policies = await asyncio.gather(
        _rights(here, ref),
        _leases(here),
        _one(client.get(SECRET, namespace, ref)),
        _one(client.get(DEPLOYMENT, namespace, name)),
        _many(client.list(POD, namespace, selector)),
        _many(client.list(_NETWORK_POLICY, namespace, {})),
    )
    seen = Snapshot(
        namespace=namespace,
        name=name,
        server=connection.access.server,
        now=now,
        assistant=assistant,
        typed=_typed(assistant),
        rights=rights,
        leases=leases,
        secret=secret,
        deployment=deployment,
        pods=pods,
        network_policies=policies,
        may_ask=wishes.question,
    )
    if wishes.live and isinstance(seen.typed, ChatAssistant):
        return replace(seen, live=await _live(seen))
    return seen


async def ask(connection: Connection, seen: Snapshot) -> Snapshot:
    """The same, and what became of a question through a port-forward."""
    here, began = replace(connection, namespace=seen.namespace), time.monotonic()
    assistant = seen.assistant if isinstance(seen.assistant, dict) else {}
    messages = [{"role": "user", "content": _QUESTION}]
    try:
        async with (
            through_port_forward(here, assistant) as caller,
            aclosing(caller.answer(messages, max_tokens=_ANSWER_TOKENS)) as pieces,
        ):
            async for _ in pieces:
                pass
    except AnswerError as error:
        return replace(seen, answer=Answer(time.monotonic() - began, str(error), error.code))
    except CommandError as error:
        may_not = error.status is ExitStatus.CLUSTER
        return replace(seen, answer=Answer(time.monotonic() - began, str(error), may_not=may_not))
    except ClusterError as error:
        return replace(seen, answer=Answer(time.monotonic() - began, str(error), may_not=True))
    return replace(seen, answer=Answer(time.monotonic() - began))


async def _live(seen: Snapshot) -> Live:
    """What the gateway says to this machine."""
    gateway, seconds = seen.chat.spec.gateway.base_url, float(seen.chat.spec.gateway.timeout_seconds)
    key: KeyAccepted | KeyRefused | str
    catalogue: Catalogue | str
    api_key = usable_key(seen.chat, observed(seen).credential)
    async with OpenRouter() as openrouter:
        if api_key is None:
            key = "there is no key that could be sent, or you may not read it."
        elif not may_be_sent(seen):
            key = f"the key is not sent to {gateway}, which the operator has not allowed."
        else:
            try:
                key = await openrouter.key(gateway, api_key, seconds)
            except RefusedError as error:
                key = KeyRefused(error.status, str(error))
            except OpenRouterError as error:
                key = str(error)
        try:
            catalogue = await openrouter.models(gateway, seconds)
        except OpenRouterError as error:
            catalogue = str(error)
    return Live(key, catalogue)


def _typed(assistant: Manifest) -> ChatAssistant | str:
    try:
        return parsed(assistant)
    except CommandError as error:
        return str(error)


async def _rights(connection: Connection, secret: str) -> dict[Right, bool] | Unreadable:
    try:
        allowed = await asyncio.gather(*(_has(connection, each, secret) for each in RIGHTS))
    except ClusterError as error:
        return Unreadable(str(error))
    return dict(zip(RIGHTS, allowed, strict=True))


async def _has(connection: Connection, right: Right, secret: str) -> bool:
    attributes = {
        "namespace": connection.namespace,
        "verb": right.verb,
        "group": right.group,
        "resource": right.resource,
        "subresource": right.subresource,
        "name": secret if right.resource == "secrets" else "",
    }
    review = {
        "apiVersion": _REVIEW.api_version,
        "kind": _REVIEW.name,
        "metadata": {"namespace": None},
        "spec": {"resourceAttributes": attributes},
    }
    return bool((await connection.client.create(_REVIEW, review))["status"]["allowed"])


async def _leases(connection: Connection) -> Many:
    """The operators' Leases: the one in the assistant's namespace, else all that there are."""
    own = await _one(connection.client.get(LEASE, connection.namespace, _LEASE))
    if isinstance(own, dict):
        return (own,)
    selector = {"fieldSelector": f"metadata.name={_LEASE}"}
    return await _many(connection.client.list(LEASE, None, selector))


async def _one(reading: Awaitable[Manifest]) -> One:
    try:
        return await reading
    except NotFoundError:
        return Absent()
    except ClusterError as error:
        return Unreadable(str(error))


async def _many(reading: Awaitable[tuple[list[Manifest], str]]) -> Many:
    try:
        return tuple((await reading)[0])
    except ClusterError as error:
        return Unreadable(str(error))


async def _greeting(connection: Connection) -> datetime | Unreadable:
    """The API server's time, by which Leases are renewed (this machine's may differ); why it does not let us in."""
    url, limits = f"{connection.access.server}/version", aiohttp.ClientTimeout(total=_GREETING_SECONDS)
    try:
        async with connection.session.get(url, timeout=limits) as response:
            if response.status == HTTPStatus.UNAUTHORIZED:
                return Unreadable(
                    f"{connection.access.server} does not accept the kubeconfig's credentials: log in again."
                )
            return parsedate_to_datetime(response.headers["Date"])
    except (KeyError, ValueError):
        return datetime.now(UTC)
    except (TimeoutError, aiohttp.ClientError) as error:
        problem = str(error) or type(error).__name__
        return Unreadable(f"{connection.access.server} does not answer: {problem}.")
