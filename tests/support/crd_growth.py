"""Whether a CRD has only grown: what an older one let in, and what older tools read, stays so."""

import re
from collections.abc import Iterator
from typing import Any, Final

Schema = dict[str, Any]

_UPPER: Final = ("maxLength", "maxItems", "maxProperties", "maximum")
_LOWER: Final = ("minLength", "minItems", "minProperties", "minimum")
_FIXED: Final = (
    "type",
    "format",
    "pattern",
    "default",
    "nullable",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "uniqueItems",
    "multipleOf",
    "additionalProperties",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
)


def shrunk(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What a CRD no longer has, or no longer lets in, each as `path: what`."""
    problems = [
        f"{name}: was {old['spec'][name]!r}"
        for name in ("group", "scope", "names")
        if old["spec"][name] != new["spec"][name]
    ]
    versions = {each["name"]: each for each in new["spec"]["versions"]}
    for version in old["spec"]["versions"]:
        now = versions.get(version["name"])
        if now is None or (version["served"] and not now["served"]):
            problems.append(f"{version['name']}: is no longer served")
            continue
        lost = version.get("subresources", {}).keys() - now.get("subresources", {}).keys()
        problems += [f"{version['name']}: has no subresource {each} any more" for each in sorted(lost)]
        problems += _narrowed(version["name"], _schema(version), _schema(now))
    return problems


def _schema(version: dict[str, Any]) -> Schema:
    found: Schema = version["schema"]["openAPIV3Schema"]
    return found


def _narrowed(path: str, old: Schema, new: Schema) -> Iterator[str]:
    yield from (f"{path}: {each} was {old.get(each)!r}" for each in _FIXED if old.get(each) != new.get(each))
    for bounds, sign in ((_UPPER, 1), (_LOWER, -1)):
        for each in bounds:
            if each in new and (each not in old or sign * new[each] < sign * old[each]):
                yield f"{path}: {each} was {old.get(each)!r}"
    if "enum" in new and ("enum" not in old or set(old["enum"]) - set(new["enum"])):
        yield f"{path}: enum was {old.get('enum')!r}"
    yield from (
        f"{path}: {each} is required now"
        for each in sorted(set(new.get("required", [])) - set(old.get("required", [])))
    )
    yield from _new_rules(path, old, new)
    before, now = old.get("properties", {}), new.get("properties", {})
    for name, schema in before.items():
        if name not in now:
            yield f"{path}.{name}: is gone"
        else:
            yield from _narrowed(f"{path}.{name}", schema, now[name])
    if "items" in old and "items" in new:
        yield from _narrowed(f"{path}[]", old["items"], new["items"])


def _new_rules(path: str, old: Schema, new: Schema) -> Iterator[str]:
    """Rules that were not there, but for those that are about a field which was not there either."""
    known = {each["rule"] for each in old.get("x-kubernetes-validations", [])}
    added = new.get("properties", {}).keys() - old.get("properties", {}).keys()
    for each in new.get("x-kubernetes-validations", []):
        if each["rule"] not in known and not added & set(re.findall(r"self\.(\w+)", each["rule"])):
            yield f"{path}: a new rule, {each['message']}"
