"""`kubectl-assistant chat`: talk to an assistant in the terminal."""

import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import Annotated

import typer
from anyio.from_thread import start_blocking_portal

from chatassistant_operator.cli.caller import (
    AnswerError,
    Caller,
    at_url,
    bearer,
    headers_for,
    through_port_forward,
)
from chatassistant_operator.cli.connection import connected
from chatassistant_operator.cli.conversation import Conversation
from chatassistant_operator.cli.failure import CommandError, ExitStatus, told
from chatassistant_operator.cli.options import Context, Name, Namespace
from chatassistant_operator.cli.screen import Screen
from chatassistant_operator.cluster.login import LoginError


def chat(  # noqa: PLR0913, PLR0917 (what a person may choose)
    name: Name,
    question: Annotated[
        str | None, typer.Argument(help="Ask this, print the answer, end; `-` reads standard input.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="MODEL", help="Another model of the assistant's.")
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where the assistant is published; no port-forward then."),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TOKEN",
            envvar="ACCESS_TOKEN",
            show_envvar=True,
            help="What lets you in, in the place of the assistant's Secret.",
        ),
    ] = None,
    namespace: Namespace = None,
    context: Context = None,
) -> None:
    """Talk to an assistant, through a port-forward of the command's own.

    Without a question, and on a terminal, it is a conversation: /help says what there is, Ctrl-C ends an answer and
    Ctrl-D the conversation. A question given as an argument or on standard input is answered on standard output, with
    everything else on standard error.

    It takes the access token from the assistant's Secret, with your rights: `get` on that Secret and on the
    ChatAssistant, `list` on pods, `get` and `create` on pods/portforward.

    Exit status: 0 after an answer or a conversation; 1 when no answer came; 2 for an option that cannot be used; 3 when
    the cluster cannot be reached, or refuses.
    """
    asked = _question(question)
    with told(), start_blocking_portal() as portal:
        opened = _caller(name, url, token, (context, namespace))
        with portal.wrap_async_context_manager(opened) as caller:
            screen = Screen()
            if asked is None:
                Conversation(portal, caller, screen, name, model).run()
            else:
                portal.call(_answer_once, caller, screen, asked, model)


def _question(given: str | None) -> str | None:
    """The one question, None for a conversation."""
    if given is None and sys.stdin.isatty():
        return None
    text = sys.stdin.read() if given in {None, "-"} else given
    if not text or not text.strip():
        sys.stderr.write("Nothing was asked: standard input is empty.\n")
        raise typer.Exit(ExitStatus.USAGE)
    return text


@asynccontextmanager
async def _caller(
    name: str, url: str | None, token: str | None, place: tuple[str | None, str | None]
) -> AsyncGenerator[Caller, None]:
    """Whoever asks the assistant, by a port-forward or at its URL."""
    if url is not None:
        async with at_url(url, await _headers_at_url(name, token, place)) as caller:
            yield caller
        return
    async with connected(*place) as connection:
        assistant = await connection.assistant(name)
        async with through_port_forward(connection, assistant, token) as caller:
            yield caller


async def _headers_at_url(
    name: str, token: str | None, place: tuple[str | None, str | None]
) -> dict[str, str]:
    """What lets the user in there; without a kubeconfig and a token, nothing."""
    if token:
        return bearer(token)
    try:
        async with connected(*place) as connection:
            return await headers_for(connection, await connection.assistant(name), None)
    except LoginError:
        return {}


async def _answer_once(caller: Caller, screen: Screen, question: str, model: str | None) -> None:
    try:
        async with aclosing(caller.answer([{"role": "user", "content": question}], model)) as pieces:
            async for piece in pieces:
                screen.show(piece)
    except AnswerError as error:
        raise CommandError(with_patience(error)) from None
    finally:
        screen.end_line()


def with_patience(error: AnswerError) -> str:
    """What went wrong, and when to come again."""
    return f"{error} Ask again in {error.retry_after} s." if error.retry_after else str(error)
