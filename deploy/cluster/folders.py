"""Where things are: what `make cluster-down` removes, and what is kept to be quick the next time."""

import os
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parents[2]
HERE: Final = Path(__file__).parent
MANIFESTS: Final = HERE / "manifests"
CHARTS: Final = PROJECT / "deploy" / "helm"
SAMPLES: Final = PROJECT / "deploy" / "samples"
HELM: Final = PROJECT / ".venv" / "bin" / "helm"

_CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chatassistant"
# Binaries and layers of images: they take minutes to make, and are no part of a running cluster.
IMAGES: Final = _CACHE / "images"
BINARIES: Final = _CACHE / "kubernetes"
# All else; gone after `make cluster-down`.
STATE: Final = _CACHE / "cluster"
KUBECONFIG: Final = STATE / "kubeconfig"
LOGS: Final = STATE / "logs"
CONTAINERD_SOCKET: Final = STATE / "containerd.sock"
VOLUMES: Final = STATE / "volumes"
RESOLV_CONF: Final = STATE / "resolv.conf"
