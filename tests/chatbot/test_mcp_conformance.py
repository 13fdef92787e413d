"""The Model Context Protocol's own conformance suite is content with the chatbot's client.

Left out is what the chatbot does not do: OAuth (`auth/*`; its headers come from Secrets), elicitation and other questions
to the caller (`elicitation-*`, `sep-2322-*`), and resources (`sep-2640-*`).
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from support.npm import installed, node

_PACKAGE: Final = "@modelcontextprotocol/conformance"
_CLIENT: Final = Path(__file__).parent.with_name("support") / "mcp_client.py"
_OLDER: Final = "2025-11-25"
_NEWER: Final = "2026-07-28"


@pytest.mark.parametrize(
    ("scenario", "version"),
    [
        ("initialize", "2025-06-18"),
        ("initialize", _OLDER),
        ("tools_call", _OLDER),
        ("tools_call", _NEWER),
        ("sse-retry", _OLDER),
        ("json-schema-2020-12-preservation", _OLDER),
        ("json-schema-2020-12-preservation", _NEWER),
        ("json-schema-ref-no-deref", _NEWER),
        ("request-metadata", _NEWER),
        ("http-standard-headers", _NEWER),
        ("http-custom-headers", _NEWER),
        ("http-invalid-tool-headers", _NEWER),
    ],
)
def test_scenario(scenario: str, version: str, tmp_path: Path) -> None:
    suite = installed("mcp_conformance", _PACKAGE) / "dist/index.js"
    command = [node(), suite, "client", "--command", f"{sys.executable} {_CLIENT}", "--output-dir", tmp_path]
    ended = subprocess.run(
        [*command, "--scenario", scenario, "--spec-version", version],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": os.environ["PATH"]},
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (file,) = tmp_path.glob("*/checks.json")
    # A scenario that finds nothing to check is content too.
    checks = [(check["id"], check["status"]) for check in json.loads(file.read_text(encoding="utf-8"))]
    assert "SUCCESS" in {status for _, status in checks}, checks
    assert not {"FAILURE", "WARNING"} & {status for _, status in checks}, checks
