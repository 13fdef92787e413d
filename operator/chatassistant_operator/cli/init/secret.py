"""The API key's way into a Secret: read without echo, kept out of arguments and messages."""

import getpass
import sys
import warnings
from typing import Final

import typer

from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.cli.connection import FIELD_MANAGER, Connection, connected
from chatassistant_operator.cli.failure import CommandError, ExitStatus
from chatassistant_operator.cli.init.manifest import Answers
from chatassistant_operator.cluster.errors import ConflictError, NotFoundError, UnreachableError
from chatassistant_operator.cluster.kinds import SECRET, Kind
from chatassistant_operator.cluster.login import LoginError

NAMESPACE: Final = Kind("Namespace", "namespaces", "", "v1")
_ENTRY: Final = "api-key"
_TRIES: Final = 3
_PAGE: Final = "https://openrouter.ai/settings/keys"


def create_command(answers: Answers) -> str:
    """The command that makes the Secret, with the key from the environment."""
    return (
        f"kubectl create secret generic {answers.secret} -n {answers.namespace} "
        f'--from-literal={_ENTRY}="$OPENROUTER_API_KEY"'
    )


def read_key() -> ApiKey:
    """The API key, from the terminal without echo, or the first line of standard input.

    Raises:
        CommandError: for what does not look like a key, or a terminal that would show it.
    """
    terminal = sys.stdin.isatty()
    for _ in range(_TRIES if terminal else 1):
        key = ApiKey(_unseen() if terminal else sys.stdin.readline())
        if not key.flaw and key.looks_like_openrouter:
            return key
        what = key.flaw or "does not look like an OpenRouter key (sk-or-…)"
        typer.echo(f"What was read {what}. {_PAGE} makes keys.", err=True)
    raise CommandError("Nothing was written: there is no key for the Secret.", ExitStatus.USAGE)


def _unseen() -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass("OpenRouter API key (not shown): ")
        except getpass.GetPassWarning:
            words = "The terminal would show the key: pipe it in instead, as in `kubectl assistant init --create-secret < FILE`."
            raise CommandError(words, ExitStatus.USAGE) from None


async def put(answers: Answers, key: ApiKey, context: str | None, *, asks: bool) -> str | None:
    """Make the Secret with the user's own rights; gives why there was no cluster to make it in, None when it is made.

    Raises:
        CommandError: when it is there already, or its namespace is not, and nobody wants that changed.
        ClusterError: for what the API server refuses, such as a right that is missing.
    """
    try:
        async with connected(context, answers.namespace) as connection:
            await _put(connection, answers, key, asks=asks)
    except (LoginError, UnreachableError) as error:
        return str(error)
    return None


async def _put(connection: Connection, answers: Answers, key: ApiKey, *, asks: bool) -> None:
    metadata = {"name": answers.secret, "namespace": answers.namespace}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "Opaque",
        "stringData": {_ENTRY: key.reveal()},
    }
    try:
        await connection.client.create(SECRET, secret)
    except ConflictError:
        if not asks or not typer.confirm(
            f"There is a Secret {answers.secret} in {answers.namespace} already. Put this key into it?"
        ):
            raise CommandError(_is_there(answers)) from None
        patch = {"stringData": {_ENTRY: key.reveal()}}
        await connection.client.merge(SECRET, answers.namespace, answers.secret, patch, FIELD_MANAGER)
    except NotFoundError:
        question = f"There is no namespace {answers.namespace}. Create it?"
        if not asks or not typer.confirm(question, default=True):
            raise CommandError(
                f"There is no namespace {answers.namespace!r}, so no Secret was made: `kubectl create namespace "
                f"{answers.namespace}`, then `{create_command(answers)}`."
            ) from None
        namespace = {"name": answers.namespace, "namespace": ""}
        await connection.client.create(
            NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": namespace}
        )
        await connection.client.create(SECRET, secret)


def _is_there(answers: Answers) -> str:
    return (
        f"The Secret {answers.secret!r} in namespace {answers.namespace!r} is there already, and was left as it is. To "
        f"put another key into it: `kubectl patch secret {answers.secret} -n {answers.namespace} "
        f'-p \'{{"stringData":{{"{_ENTRY}":"\'$OPENROUTER_API_KEY\'"}}}}\'`. For another Secret: --secret NAME.'
    )
