"""A conversation in the terminal: lines in, answers out, and a few commands."""

import contextlib
import importlib
import time
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chatassistant_operator.cli.caller import AnswerError, Caller, Message
from chatassistant_operator.cli.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from anyio.from_thread import BlockingPortal

with contextlib.suppress(ModuleNotFoundError):  # Windows has none
    importlib.import_module("readline")  # input() edits lines by it, once it is imported

_HELP: Final = """\
/model [NAME]  answer with this model; without a name, list them
/reset         forget what was said
/save FILE     write the conversation as Markdown
/help          this
Ctrl-C ends an answer, Ctrl-D the conversation."""
# Longer waits are told, and the terminal is the person's again.
_LONGEST_WAIT_SECONDS: Final = 120


class Conversation:
    """Reads lines until there are no more.

    The terminal belongs to this thread and the network to the portal's, so that Ctrl-C reaches either.

    Args:
        portal: Where the caller works.
        caller: Asks the assistant.
        screen: Shows the answers.
        name: The assistant's name.
        model: The model that answers, None for the assistant's own.
    """

    def __init__(
        self, portal: "BlockingPortal", caller: Caller, screen: Screen, name: str, model: str | None
    ) -> None:
        self._portal = portal
        self._caller = caller
        self._screen = screen
        self._name = name
        self._model = model
        self._messages: list[Message] = []
        self._commands: dict[str, Callable[[str], None]] = {
            "/model": self._choose_model,
            "/reset": self._reset,
            "/save": self._save,
            "/help": lambda _: self._screen.note(_HELP),
        }

    def run(self) -> None:
        """Talk until Ctrl-D."""
        self._screen.note(f"You talk to {self._name}. /help says what there is, Ctrl-D ends.")
        while True:
            try:
                line = input("> ")
            except EOFError:
                self._screen.note("")
                return
            except KeyboardInterrupt:
                self._screen.note("\nCtrl-D ends the conversation.")
                continue
            if line.strip():
                self._take(line)

    def _take(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if not line.startswith("/"):
            self._ask(line)
        elif word in self._commands:
            self._commands[word](rest.strip())
        else:
            self._screen.problem(f"There is no {word}: /help says what there is. A space before it sends it.")

    def _ask(self, question: str) -> None:
        """Ask, and again when the assistant asked to wait; what was said is kept as far as it came."""
        said: list[str] = []
        self._messages.append({"role": "user", "content": question})
        while True:
            try:
                self._wait_for(self._portal.start_task_soon(self._stream, said))
            except KeyboardInterrupt:
                self._screen.end_line()
                self._screen.note("[stopped]")
            except AnswerError as error:
                self._screen.problem(str(error))
                if not said and self._waited(error.retry_after):
                    continue
            break
        self._screen.end_line()
        if said:
            self._messages.append({"role": "assistant", "content": "".join(said)})
        else:
            self._messages.pop()

    def _wait_for(self, future: "Future[None]") -> None:
        try:
            future.result()
        except KeyboardInterrupt:
            # The connection is closed with it, by which the chatbot knows that nobody listens.
            future.cancel()
            raise

    async def _stream(self, said: list[str]) -> None:
        async with aclosing(self._caller.answer(self._messages, self._model)) as pieces:
            async for piece in pieces:
                if isinstance(piece, str):
                    said.append(piece)
                self._screen.show(piece)

    def _waited(self, seconds: int | None) -> bool:
        """Count the seconds that the assistant asked to wait; whether to ask again then."""
        if not seconds:
            return False
        if seconds > _LONGEST_WAIT_SECONDS:
            at = time.strftime("%a %H:%M", time.localtime(time.time() + seconds))
            self._screen.note(f"Ask again in {seconds} s: {at}.")
            return False
        try:
            for left in range(seconds, 0, -1):
                self._screen.count(f"Asks again in {left} s. Ctrl-C: no.")
                time.sleep(1)
        except KeyboardInterrupt:
            self._screen.count("")
            return False
        self._screen.count("")
        return True

    def _choose_model(self, name: str) -> None:
        try:
            offered = self._portal.call(self._caller.models)
        except AnswerError as error:
            self._screen.problem(str(error))
            return
        if name in offered:
            self._model = name
            self._screen.note(f"{name} answers from now on.")
            return
        if name:
            self._screen.problem(f"The assistant has no model {name!r}. It has:")
        now = self._model or (offered[0] if offered else "")
        for each in offered:
            self._screen.note(f"{'*' if each == now else ' '} {each}")

    def _reset(self, _: str) -> None:
        self._messages.clear()
        self._screen.note("What was said is forgotten.")

    def _save(self, file: str) -> None:
        if not file:
            self._screen.problem("/save wants a file's name: /save chat.md")
            return
        path = Path(file).expanduser()
        names = {"user": "You", "assistant": self._name}
        parts = [f"## {names[each['role']]}\n\n{each['content'].strip()}\n" for each in self._messages]
        try:
            with path.open("x", encoding="utf-8") as output:
                output.write("\n".join(parts))
        except FileExistsError:
            self._screen.problem(f"There is a file {path} already: name another one.")
        except OSError as error:
            self._screen.problem(f"{path} cannot be written: {error.strerror}.")
        else:
            self._screen.note(f"{len(self._messages)} messages are in {path}.")
