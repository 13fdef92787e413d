"""Several operators beside each other, each with a way of its own to the API server."""

import threading
import time
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from support.api_proxy import ApiProxy
from support.assistants import Assistants
from support.operators import OperatorProcess
from support.processes import free_port
from support.rights import give_rights
from support.waiting import eventually

# Reading hundreds again and again takes more of the machine than what is waited for.
_PAUSE_FOR_EACH_SECONDS: Final = 0.002


class Replica:
    """An operator and its way to the API server.

    Args:
        assistants: The namespace that it watches.
        folder: For its kubeconfig.
        start: Starts an operator with these settings.
        settings: More of its settings.
    """

    def __init__(
        self, assistants: Assistants, folder: Path, start: Callable[..., OperatorProcess], **settings: str
    ) -> None:
        self.proxy: Final = ApiProxy(assistants.plane)
        kubeconfig = folder / f"kubeconfig-{self.proxy.url.rpartition(':')[2]}"
        rights = give_rights(assistants.plane, assistants.namespace, self.proxy.url)
        kubeconfig.write_text(rights, encoding="utf-8")
        self._port = free_port()
        self.operator: Final = start(
            kubeconfig=str(kubeconfig), metrics_host="127.0.0.1", metrics_port=str(self._port), **settings
        )

    def wait_until_ready(self) -> None:
        """Wait until its caches are filled, whether it leads or not."""
        url = f"http://127.0.0.1:{self._port}/readyz"
        eventually(lambda: _is_ok(url), "the operator is ready")

    @property
    def runs(self) -> bool:
        """Whether its process is there."""
        return self.operator.process.poll() is None

    def times_led(self) -> int:
        """How often it has won the Lease."""
        return self.operator.log.count(" leads")


def _is_ok(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 (our own http URL)
            return bool(response.status == 200)
    except OSError:
        return False


def holder(assistants: Assistants) -> str:
    """Who holds the Lease; empty for nobody."""
    jsonpath = "-o=jsonpath={.spec.holderIdentity}"
    return assistants.kubectl("get", "lease", "chatassistant-operator", "--ignore-not-found", jsonpath)


class Edits:
    """Edits ChatAssistants one after the other, in a thread, until stopped.

    Args:
        assistants: Where they are.
        names: Their names, to the last of which it goes on.
        pause: The seconds between two edits.
    """

    def __init__(self, assistants: Assistants, names: Iterable[str], pause: float = 0.02) -> None:
        self.made: list[str] = []
        self._assistants = assistants
        self._names = iter(names)
        self._pause = pause
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._edit, name="edits", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Edit no more."""
        self._ended.set()
        self._thread.join(timeout=30)

    def _edit(self) -> None:
        for name in self._names:
            if self._ended.wait(self._pause):
                return
            self._assistants.edit(name, systemPrompt=f"Edit {len(self.made)}")
            self.made.append(name)


def wait_until_told(assistants: Assistants, timeout: float = 60.0) -> list[dict[str, Any]]:
    """Wait until every ChatAssistant is Ready as it was edited last; gives them all."""

    found: list[dict[str, Any]] = []

    def are_told() -> list[dict[str, Any]]:
        nonlocal found
        time.sleep(len(found) * _PAUSE_FOR_EACH_SECONDS)
        found = assistants.all()
        assert found, "there are none"
        behind = [each["metadata"]["name"] for each in found if not _is_told(each)]
        assert not behind, f"{len(behind)} are not told, {behind[:3]} among them"
        return found

    return eventually(are_told, "all are Ready", timeout)


def _is_told(assistant: dict[str, Any]) -> bool:
    generation, status = assistant["metadata"]["generation"], assistant["status"]
    ready = next((each for each in status.get("conditions", []) if each["type"] == "Ready"), None)
    told = status.get("observedGeneration") == generation
    return told and ready is not None and ready["status"] == "True"
