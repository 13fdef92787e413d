"""The samples, and a copy of deploy/ whose ChatAssistants talk to the stand-in for OpenRouter."""

import shutil
from pathlib import Path
from typing import Any, Final

import yaml

DEPLOY: Final = Path(__file__).parents[2] / "deploy"
_SAMPLES: Final = "samples"


def documents(file: Path) -> list[dict[str, Any]]:
    """What a file of YAML holds."""
    return [each for each in yaml.safe_load_all(file.read_text(encoding="utf-8")) if each]


def manifests(folder: Path) -> list[Path]:
    """The files below a folder that hold Kubernetes' objects."""
    return [
        file for file in sorted(folder.rglob("*.yaml")) if all("kind" in each for each in documents(file))
    ]


ASSISTANTS: Final = [
    file
    for file in manifests(DEPLOY / _SAMPLES)
    if any(each["kind"] == "ChatAssistant" for each in documents(file))
]
"""The samples with a ChatAssistant in them."""


def tree(folder: Path, gateway: str) -> Path:
    """A copy of the project's deploy/ in a folder, with another gateway; gives the folder."""
    shutil.copytree(DEPLOY, folder / "deploy", ignore=shutil.ignore_patterns("cluster", "__pycache__"))
    for sample in ASSISTANTS:
        objects = documents(sample)
        for each in objects:
            if each["kind"] == "ChatAssistant":
                each["spec"].setdefault("gateway", {})["baseURL"] = gateway
        text = yaml.safe_dump_all(objects, sort_keys=False, allow_unicode=True)
        (folder / "deploy" / sample.relative_to(DEPLOY)).write_text(text, encoding="utf-8")
    return folder
