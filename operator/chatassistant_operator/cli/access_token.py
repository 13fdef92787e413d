"""`kubectl-assistant token`: what lets callers in."""

import asyncio
import sys
from typing import Annotated, Final

import typer

from chatassistant_operator.api import names
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.cli.connection import FIELD_MANAGER, Connection, connected
from chatassistant_operator.cli.failure import CommandError, told
from chatassistant_operator.cli.options import Context, Name, Namespace
from chatassistant_operator.cli.parsing import parsed
from chatassistant_operator.cli.revalidate import wish
from chatassistant_operator.cli.watching import within
from chatassistant_operator.cluster.errors import ForbiddenError, NotFoundError
from chatassistant_operator.cluster.kinds import CHAT_ASSISTANT, SECRET
from chatassistant_operator.local.access import access_of
from chatassistant_operator.observed import Manifest

# The operator reads the Secret each minute by itself.
_ROTATION_SECONDS: Final = 90.0
# By reading it: a watch would need two rights more.
_PAUSE_SECONDS: Final = 0.25


def token(
    name: Name,
    namespace: Namespace = None,
    context: Context = None,
    rotate: Annotated[
        bool,
        typer.Option("--rotate", help="Delete the token that the operator made, and have it make another."),
    ] = False,
) -> None:
    """Print the access token that callers show as `Authorization: Bearer`, alone on standard output.

    It needs the right to get the Secret NAME-access, or that of spec.access.tokenSecretRef; with --rotate also to delete
    it. Pods roll to a new token one after the other; until then the old one lets in, too.

    Exit status: 0 with a token; 1 when there is none, or none to rotate; 3 when the cluster cannot be reached, or
    refuses.
    """
    with told():
        sys.stdout.write(asyncio.run(_token(name, namespace, context, rotate)) + "\n")


async def _token(name: str, namespace: str | None, context: str | None, rotate: bool) -> str:
    async with connected(context, namespace) as connection:
        assistant = parsed(await connection.assistant(name))
        if assistant.spec.access.mode != "Token":
            raise CommandError(_needs_none(assistant))
        if rotate:
            await _rotate(connection, assistant)
        return await _read(connection, assistant)


async def _read(connection: Connection, assistant: ChatAssistant) -> str:
    ref = assistant.spec.access.token_secret_ref
    secret = await _secret(connection, ref.name if ref else names.access_secret(assistant.metadata.name))
    access = access_of(assistant, lambda _: secret)
    if access is None or not access.token:
        raise CommandError(_no_token(assistant))
    return access.token


async def _rotate(connection: Connection, assistant: ChatAssistant) -> None:
    """Delete the Secret, and wait until there is another one."""
    name, ref = assistant.metadata.name, assistant.spec.access.token_secret_ref
    if ref is not None:
        raise CommandError(_is_the_users(assistant, ref.name, ref.key))
    old = await _secret(connection, names.access_secret(name))
    if old is not None:
        _check_owner(assistant, old)
        uid = old["metadata"]["uid"]
        await connection.client.delete(SECRET, connection.namespace, old["metadata"]["name"], uid=uid)
    try:
        await connection.client.merge(CHAT_ASSISTANT, connection.namespace, name, wish(), FIELD_MANAGER)
    except ForbiddenError:
        sys.stderr.write("Without the right to patch chatassistants, it takes up to a minute.\n")
    late = (
        f"The old token is deleted, and no new one was made within {_ROTATION_SECONDS:.0f} s: the operator makes it as "
        "soon as it runs. `kubectl get pods -A -l app.kubernetes.io/name=chatassistant-operator` shows whether it does."
    )
    async with within(_ROTATION_SECONDS, late):
        while await _secret(connection, names.access_secret(name)) is None:  # noqa: ASYNC110 (nothing tells)
            await asyncio.sleep(_PAUSE_SECONDS)
    sys.stderr.write(f"The pods roll to the new token: `kubectl assistant status {name} --watch`.\n")


async def _secret(connection: Connection, name: str) -> Manifest | None:
    try:
        return await connection.client.get(SECRET, connection.namespace, name)
    except NotFoundError:
        return None


def _check_owner(assistant: ChatAssistant, secret: Manifest) -> None:
    owners = secret["metadata"].get("ownerReferences", [])
    if assistant.metadata.uid not in {each["uid"] for each in owners}:
        raise CommandError(
            f"The Secret {secret['metadata']['name']!r} was not made for {assistant.metadata.name}, so it is left alone: "
            f"`kubectl assistant status {assistant.metadata.name}` says what to do."
        )


def _needs_none(assistant: ChatAssistant) -> str:
    name, access = assistant.metadata.name, assistant.spec.access
    if access.oidc is None:
        return f"{name} has spec.access.mode None: it needs no token, and whoever reaches it may ask."
    return (
        f"{name} has spec.access.mode OIDC: callers show a token that {access.oidc.issuer} gives them for the audience "
        f"{access.oidc.audience!r}. Get one there."
    )


def _is_the_users(assistant: ChatAssistant, secret: str, key: str) -> str:
    name, namespace = assistant.metadata.name, assistant.metadata.namespace
    return (
        f"The token of {name} stands in the Secret {secret!r} of spec.access.tokenSecretRef, which the operator never "
        "changes. Put another token in it, and the pods roll to it within a minute:\n"
        f"  kubectl patch secret {secret} -n {namespace} "
        f'-p \'{{"stringData":{{"{key}":"\'$(openssl rand -hex 32)\'"}}}}\''
    )


def _no_token(assistant: ChatAssistant) -> str:
    name, namespace, ref = (
        assistant.metadata.name,
        assistant.metadata.namespace,
        assistant.spec.access.token_secret_ref,
    )
    if ref is None:
        return f"{name} has no access token yet: `kubectl assistant status {name} -n {namespace}` says what holds it up."
    return (
        f"The Secret {ref.name!r} in namespace {namespace!r} has no entry {ref.key!r}, or is not there: make it with\n"
        f"  kubectl create secret generic {ref.name} -n {namespace} --from-literal={ref.key}=$(openssl rand -hex 32)\n"
        f"  kubectl label secret {ref.name} -n {namespace} {names.USE_LABEL}=access"
    )
