"""The operator as a process."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from support.control_plane import ControlPlane
from support.processes import start, stop
from support.rights import give_rights
from support.waiting import eventually


class OperatorProcess:
    """A running operator that watches one namespace, with just the rights that the chart gives it.

    Args:
        plane: The control plane.
        namespace: What it watches, and where its Lease is.
        gateway: The base URL that its policy allows beside OpenRouter.
        folder: For its files.
        settings: More of its settings, by name without the prefix.
    """

    def __init__(
        self, plane: ControlPlane, namespace: str, gateway: str, folder: Path, settings: dict[str, str]
    ) -> None:
        folder.mkdir(parents=True)
        self._log = folder / "operator.log"
        allowed = json.dumps(["https://openrouter.ai/api/v1", gateway])
        kubeconfig = settings.pop("kubeconfig", None)
        if kubeconfig is None:
            (folder / "kubeconfig").write_text(give_rights(plane, namespace), encoding="utf-8")
            kubeconfig = str(folder / "kubeconfig")
        environment = {
            "CHATASSISTANT_NAMESPACES": json.dumps([namespace]),
            "CHATASSISTANT_LEASE_NAMESPACE": namespace,
            "CHATASSISTANT_POLICY__ALLOWED_GATEWAYS": allowed,
            "CHATASSISTANT_HEALTH_PORT": "0",
            "CHATASSISTANT_METRICS_PORT": "0",
            "CHATASSISTANT_REPORT_INTERVAL_SECONDS": "1",
            **{f"CHATASSISTANT_{name.upper()}": value for name, value in settings.items()},
        }
        self.process: subprocess.Popen[bytes] = start(
            [sys.executable, "-m", "chatassistant_operator"],
            self._log,
            {
                "PATH": os.environ["PATH"],
                "HOME": str(folder),
                "KUBECONFIG": kubeconfig,
                **environment,
            },
        )

    @property
    def log(self) -> str:
        """What it has printed."""
        return self._log.read_text(encoding="utf-8")

    def wait_until_leading(self) -> None:
        """Wait until it works."""
        eventually(lambda: " leads" in self.log, "the operator leads")

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """End it as a node would; gives its exit status."""
        return stop(self.process)
