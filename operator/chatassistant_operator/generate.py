"""Writes what is made of the models: `python -m chatassistant_operator.generate [--check]`."""

import sys
from pathlib import Path
from typing import Any

import yaml

from chatassistant_operator.api import names
from chatassistant_operator.api.crd import custom_resource_definition, object_schema
from chatassistant_operator.api.v1alpha1 import Spec, Status

_ROOT = Path(__file__).parents[2]
_NOTE = "Made by `make generate` from operator/chatassistant_operator/api; do not edit."


def files() -> dict[str, str]:
    """What should be in which file, by its path below the project's root."""
    return {
        f"crds/{names.PLURAL}.{names.GROUP}.yaml": f"# {_NOTE}\n"
        + yaml.safe_dump(custom_resource_definition(), sort_keys=False, width=110, allow_unicode=True),
        "docs/reference/chatassistant.md": _reference(),
    }


def _reference() -> str:
    lines = [f"<!-- {_NOTE} -->", "# ChatAssistant", "", f"`{names.API_VERSION}`", ""]
    for heading, model in (("spec", Spec), ("status", Status)):
        lines += [f"## {heading}", "", "| field | type | default | meaning |", "|---|---|---|---|"]
        lines += _rows("", object_schema(model))
        lines.append("")
    return "\n".join(lines)


def _rows(prefix: str, schema: dict[str, Any]) -> list[str]:
    rows: list[str] = []
    for name, field in schema["properties"].items():
        path = f"{prefix}{name}"
        nested = field
        while "items" in nested:
            path, nested = f"{path}[]", nested["items"]
        if "properties" not in nested:
            default = f"`{field['default']}`" if field.get("default") not in (None, {}, []) else ""
            rows.append(f"| `{path}` | {_type(field)} | {default} | {_meaning(field)} |")
        elif nested.get("properties"):
            rows.append(f"| `{path}` | {_type(field)} | | {_meaning(field)} |")
            rows += _rows(f"{path}.", nested)
    return rows


def _meaning(field: dict[str, Any]) -> str:
    return str(field.get("description", "")).replace("|", "\\|")


def _type(field: dict[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(f"`{each}`" for each in field["enum"])
    return str(field.get("type", "integer or string"))


def main() -> int:
    """Write the files, or with `--check` name those that differ and give 1."""
    stale = [path for path, text in files().items() if not _holds(_ROOT / path, text)]
    if "--check" in sys.argv[1:]:
        for path in stale:
            sys.stderr.write(f"{path} is not what the models say: run `make generate` and commit it.\n")
        return 1 if stale else 0
    for path in stale:
        (_ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (_ROOT / path).write_text(files()[path], encoding="utf-8")
    return 0


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
