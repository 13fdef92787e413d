"""How a command ends that could not do what it was asked for."""

from collections.abc import Generator
from contextlib import contextmanager
from enum import IntEnum
from typing import Final, Self

import typer
from rich.console import Console

from chatassistant_operator.cluster.errors import ClusterError, ForbiddenError
from chatassistant_operator.cluster.login import LoginError

# 128 and the number of SIGINT.
_INTERRUPTED: Final = 130


class ExitStatus(IntEnum):
    """What each exit status means, for all commands."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        """A status that knows its meaning."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    DONE = 0, "done; where something was asked, the answer is yes"
    NO = 1, "the answer is no: not ready, not valid, not found, a broken link"
    USAGE = 2, "a file, an option or an argument cannot be used"
    CLUSTER = 3, "the cluster cannot be reached, or refuses"


class CommandError(Exception):
    """Why a command ends early: what happened, to which object, and what to do next."""

    def __init__(self, message: str, status: ExitStatus = ExitStatus.NO) -> None:
        super().__init__(message)
        self.status = status


@contextmanager
def told() -> Generator[None, None, None]:
    """Tell on standard error what went wrong, and end with its exit status.

    Raises:
        typer.Exit: with the status of `CommandError`, or `CLUSTER` for errors of the API server and of logging in; with
            130, as shells have it, after Ctrl-C.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(_INTERRUPTED) from None
    except CommandError as error:
        _say(str(error))
        raise typer.Exit(error.status) from None
    except LoginError as error:
        _say(str(error))
        raise typer.Exit(ExitStatus.CLUSTER) from None
    except ForbiddenError as error:
        _say(
            f"{error}\nA right is missing: the message above names verb and resource; ask whoever runs the cluster."
        )
        raise typer.Exit(ExitStatus.CLUSTER) from None
    except ClusterError as error:
        _say(str(error))
        raise typer.Exit(ExitStatus.CLUSTER) from None


def _say(text: str) -> None:
    Console(stderr=True, soft_wrap=True, highlight=False).print(text, markup=False)
