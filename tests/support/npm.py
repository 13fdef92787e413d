"""Node, and what npm installed for tests that need its packages."""

import os
import shutil
from pathlib import Path
from typing import Final

from support.plugin import missing

ROOT: Final = Path(__file__).resolve().parents[2]


def node() -> str:
    """Node, from `.venv` where the machine's own does not do; without any, the test is skipped."""
    found = shutil.which("node", path=f"{ROOT}/.venv/bin{os.pathsep}{os.environ['PATH']}")
    return found or missing("There is no Node: run the tests by `make test`.")


def installed(project: str, package: str) -> Path:
    """The folder of a package that a project below `support` depends on; without it, the test is skipped."""
    folder = Path(__file__).with_name(project) / "node_modules" / package
    if not folder.is_dir():
        missing(f"{package} is not installed: run the tests by `make test`.")
    return folder
