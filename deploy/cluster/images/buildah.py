"""buildah, with a store of its own."""

import contextlib
import os
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Final

from deploy.cluster.console import run, say
from deploy.cluster.folders import IMAGES

BASE: Final = "localhost/chatassistant-base:1"
_SUITE: Final = "bookworm"
_PACKAGES: Final = "python3,python3-venv,ca-certificates"
_CERTIFICATES: Final = "/etc/ssl/certs/ca-certificates.crt"


class Buildah:
    """Builds images, and keeps their layers for the next time."""

    def __init__(self) -> None:
        IMAGES.mkdir(parents=True, exist_ok=True)
        self._command = ("buildah", f"--root={IMAGES}/store", f"--runroot={IMAGES}/run")

    def base(self) -> str:
        """An image with Python that needs no registry of images: Debian's smallest; gives its name."""
        if not self._has(BASE):
            say(f"making {BASE} of Debian's packages")
            with tempfile.TemporaryDirectory() as folder:
                archive = Path(folder) / "base.tar"
                run("mmdebstrap", "--quiet", "--variant=minbase", f"--include={_PACKAGES}", _SUITE, archive)
                self.from_scratch(BASE, archive, "/", "--env=PATH=/usr/local/bin:/usr/bin:/bin")
        return BASE

    def from_scratch(self, name: str, content: Path, place: str, *settings: str) -> None:
        """An image of one file, or of what is in one archive."""
        container = run(*self._command, "from", "scratch").stdout.strip()
        run(*self._command, "add", container, content, place)
        if settings:
            run(*self._command, "config", *settings, container)
        run(*self._command, "commit", "--quiet", "--rm", "--timestamp=0", container, name)

    def build(self, dockerfile: Path, context: Path, name: str, *arguments: str) -> None:
        """Build a Dockerfile on our base; the same sources give the same layers."""
        options = ("--isolation=chroot", "--network=host", "--layers", "--timestamp=0", "--quiet")
        base = f"--build-arg=BASE={self.base()}"
        with _registries() as mounts:
            where = (f"--file={dockerfile}", f"--tag={name}")
            run(*self._command, "bud", *options, *mounts, base, *arguments, *where, context)

    def prune(self) -> None:
        """Remove what no image that has a name is made of any more."""
        run(*self._command, "rmi", "--prune")

    def identity(self, name: str) -> str:
        """What changes when the image does."""
        return run(
            *self._command, "inspect", "--type=image", "--format={{.FromImageID}}", name
        ).stdout.strip()

    def save(self, name: str, archive: Path) -> None:
        """Write the image as an archive that containerd and Docker can load."""
        run(*self._command, "push", "--quiet", name, f"docker-archive:{archive}:{name}")

    def _has(self, name: str) -> bool:
        return run(*self._command, "inspect", "--type=image", name, check=False).returncode == 0


@contextlib.contextmanager
def _registries() -> Generator[list[str], None, None]:
    """Mounts by which the host's way to PyPI and npm is that of the build too."""
    with tempfile.TemporaryDirectory() as folder:
        pip, npm = Path(folder) / "pip.conf", Path(folder) / "npmrc"
        pip.write_text(_pip_configuration(), encoding="utf-8")
        npm.write_text(f"cafile={_CERTIFICATES}\n", encoding="utf-8")
        mounts = {
            str(pip): "/etc/pip.conf",
            str(npm): "/root/.npmrc",
            "/etc/ssl/certs": "/etc/ssl/certs",
            "/etc/resolv.conf": "/etc/resolv.conf",
        }
        yield [f"--volume={ours}:{theirs}:ro" for ours, theirs in mounts.items()]


def _pip_configuration() -> str:
    index = os.environ.get("PIP_INDEX_URL")
    lines = [
        "[global]",
        f"cert = {_CERTIFICATES}",
        "timeout = 180",
        *([f"index-url = {index}"] if index else []),
    ]
    return "\n".join([*lines, ""])
