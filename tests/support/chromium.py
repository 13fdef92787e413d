"""A real Chromium: the one that npm's `@sparticuz/chromium` holds, unpacked once, or the one that CHROMIUM names.

It brings the libraries and letters that it needs, so that nothing has to be installed on the machine.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, Playwright

ROOT: Final = Path(__file__).parents[2]
MODULES: Final = ROOT / "chatbot/page/node_modules"
_UNPACKED: Final = MODULES / ".chromium"
_UNPACK: Final = 'import chromium from "@sparticuz/chromium"; await chromium.executablePath();'
_FONTS: Final = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{folder}/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{folder}/cache</cachedir>
</fontconfig>
"""
# Pages may name any host; none is ever looked up.
_ARGUMENTS: Final = ("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",)


class MissingBrowserError(Exception):
    """There is no Chromium; the text says what to do."""


async def launch(playwright: Playwright) -> Browser:
    """Start it.

    Raises:
        MissingBrowserError: when there is none.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        return await playwright.chromium.launch(executable_path=named, args=_ARGUMENTS)
    folder = _unpacked()
    environment: dict[str, str | float | bool] = {
        **os.environ,
        "LD_LIBRARY_PATH": f"{folder}/al2023/lib",
        "FONTCONFIG_FILE": os.environ.get("FONTCONFIG_FILE", f"{folder}/fonts.conf"),
    }
    return await playwright.chromium.launch(
        executable_path=folder / "chromium", env=environment, args=_ARGUMENTS, chromium_sandbox=False
    )


def node() -> str:
    """Node, from `.venv` where the machine's own does not do."""
    found = shutil.which("node", path=f"{ROOT}/.venv/bin{os.pathsep}{os.environ['PATH']}")
    if found is None:
        raise MissingBrowserError("There is no Node: run the tests by `make test`.")
    return found


def _unpacked() -> Path:
    if not (MODULES / "@sparticuz/chromium").exists():
        raise MissingBrowserError(
            "There is no Chromium: run the tests by `make test`, or name one in CHROMIUM."
        )
    if _UNPACKED.exists():
        return _UNPACKED
    # Several processes may be at it; the first one's result stays.
    folder = Path(tempfile.mkdtemp(prefix=".chromium-", dir=MODULES))
    # The package unpacks its libraries only where it takes the machine for one of Amazon's.
    environment = {**os.environ, "TMPDIR": str(folder), "AWS_EXECUTION_ENV": "22.x"}
    command = [node(), "--input-type=module", "--eval", _UNPACK]
    subprocess.run(command, cwd=MODULES.parent, env=environment, check=True, timeout=120)
    (folder / "fonts.conf").write_text(_FONTS.format(folder=_UNPACKED), encoding="utf-8")
    try:
        folder.rename(_UNPACKED)
    except OSError:
        shutil.rmtree(folder)
    return _UNPACKED
