"""Callers that go on asking while something happens to the pods."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from types import TracebackType
from typing import Self

from support.assistants import Assistants
from support.waiting import eventually

_BODY = json.dumps({"messages": [{"role": "user", "content": "Hello"}]}).encode()
_PAUSE_SECONDS = 0.02


class Load:
    """Asks an assistant's ready pods in turn, as a Service would have it, until the context ends."""

    def __init__(self, assistants: Assistants, name: str = "todo", callers: int = 3) -> None:
        self.answered: Counter[str] = Counter()
        self.failures: list[str] = []
        self._assistants = assistants
        self._name = name
        self._headers = assistants.headers(name)
        self._addresses: list[str] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._follow)]
        self._threads += [threading.Thread(target=self._ask, args=(number,)) for number in range(callers)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self.wait_for_answers(20)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def wait_for_answers(self, count: int) -> None:
        """Wait until so many more have been answered."""
        goal = self.answered.total() + count
        eventually(lambda: self.answered.total() >= goal, f"{count} more answers")

    def _follow(self) -> None:
        while not self._ended.wait(0.1):
            pods = self._assistants.pods(self._name)
            ready = [pod for pod in pods if all(each.ready for each in pod.status.container_statuses or [])]
            self._addresses = [pod.status.pod_ip for pod in ready if pod.status.container_statuses]

    def _ask(self, number: int) -> None:
        turn = number
        while not self._ended.is_set():
            addresses = self._addresses
            if not addresses:
                time.sleep(_PAUSE_SECONDS)
                continue
            turn += 1
            address = addresses[turn % len(addresses)]
            request = urllib.request.Request(
                f"http://{address}:8080/v1/chat/completions", _BODY, self._headers
            )
            try:
                with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 (our own http URL)
                    response.read()
                self.answered[address] += 1
            except urllib.error.HTTPError as error:
                self.failures.append(f"{address}: {error.code} {error.read().decode(errors='replace')}")
            except OSError as error:
                self.failures.append(f"{address}: {error}")
            time.sleep(_PAUSE_SECONDS)
