"""Writes what is made of the models: `python -m chatassistant_operator.generate [--check]`."""

import sys
from pathlib import Path

import yaml

from chatassistant_operator import gitops, reference
from chatassistant_operator.api import names
from chatassistant_operator.api.crd import custom_resource_definition
from chatassistant_operator.chart.files import files as chart_files
from chatassistant_operator.chart.rendered import files as rendered_files
from chatassistant_operator.cli import reference as commands

_ROOT = Path(__file__).parents[2]
_NOTE = "Made by `make generate` from operator/chatassistant_operator/api; do not edit."
_CHART_NOTE = "Made by `make generate` from operator/chatassistant_operator/chart; do not edit."


def files() -> dict[str, str]:
    """What should be in which file, by its path below the project's root."""
    return {
        f"crds/{names.PLURAL}.{names.GROUP}.yaml": f"# {_NOTE}\n"
        + yaml.safe_dump(custom_resource_definition(), sort_keys=False, width=110, allow_unicode=True),
        "docs/reference/chatassistant.md": reference.fields(_NOTE),
        "docs/reference/commands.md": commands.page(_NOTE.replace("/api;", "/cli;")),
        "docs/reference/conditions.md": reference.conditions(_NOTE),
        "deploy/argocd/argocd-cm-patch.yaml": gitops.argocd_patch(
            {kind: (_ROOT / file).read_text(encoding="utf-8") for kind, file in gitops.HEALTH.items()}
        ),
        **chart_files(_CHART_NOTE),
    }


def main() -> int:
    """Write the files, or with `--check` name those that differ and give 1."""
    stale: list[str] = []
    # Charts are rendered as they are by then.
    for made in (files, lambda: rendered_files(_CHART_NOTE)):
        for path, text in made().items():
            if _holds(_ROOT / path, text):
                continue
            stale.append(path)
            if "--check" not in sys.argv[1:]:
                (_ROOT / path).parent.mkdir(parents=True, exist_ok=True)
                (_ROOT / path).write_text(text, encoding="utf-8")
    if "--check" in sys.argv[1:]:
        for path in stale:
            sys.stderr.write(f"{path} is not what the models say: run `make generate` and commit it.\n")
        return 1 if stale else 0
    return 0


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
