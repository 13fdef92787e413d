"""What the API server would refuse of a manifest: by the models, which are the only source of what is valid."""

import difflib
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any, Final, cast

from pydantic import ValidationError

from chatassistant_operator.api.crd import custom_resource_definition
from chatassistant_operator.api.v1alpha1 import ChatAssistant, Fault, dotted, faults
from chatassistant_operator.local.documents import Document, FieldPath, Problem

# What an API server gives to an object, and so no file needs to.
_GIVEN: Final = {"namespace": "default", "uid": "0", "generation": 1}
_METADATA: Final = frozenset(
    [
        "annotations",
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "finalizers",
        "generateName",
        "generation",
        "labels",
        "managedFields",
        "name",
        "namespace",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    ]
)
_MISSING: Final = "missing"
_UNKNOWN: Final = "extra_forbidden"
_RULE: Final = "rule"
_ROUNDS: Final = 20


def problems(document: Document) -> list[Problem]:
    """Everything that the CRD's schema and rules refuse of a ChatAssistant, unknown fields included, in order of place."""
    body = deepcopy(document.body)
    metadata = body.setdefault("metadata", {})
    found: list[Problem] = []
    if isinstance(metadata, dict):
        named = cast("dict[str, Any]", metadata)
        unknown = (
            Fault(("metadata", each), "unknown field", _UNKNOWN) for each in sorted(named.keys() - _METADATA)
        )
        found += [_problem(document, body, fault) for fault in unknown]
        created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        body["metadata"] = {**_GIVEN, "creationTimestamp": created, **named}
    found += [_problem(document, body, fault) for fault in _all_faults(body)]
    # A field of several types is refused once for each of them; the last says most.
    once = {(each.place, each.field): each for each in found}
    return sorted(once.values(), key=lambda each: each.place)


def _all_faults(body: dict[str, Any]) -> list[Fault]:
    """The faults of an object, rules that are only tried when the rest is right among them.

    So what is wrong is taken out, and what is left is tried again.
    """
    left, found = deepcopy(body), list[Fault]()
    for _ in range(_ROUNDS):
        try:
            ChatAssistant.parse(left, strict=True)
        except ValidationError as error:
            all_ = faults(error)
        else:
            break
        found += [fault for fault in all_ if not any(_causes(earlier, fault) for earlier in found)]
        taken = [_take_out(left, fault.path) for fault in all_]
        if not any(taken):
            break
    return found


def _causes(earlier: Fault, later: Fault) -> bool:
    """Whether a fault is there only because an earlier one was taken out: it is below it, or a rule that looks at it."""
    parent = earlier.path[:-1]
    beside = earlier.path[-1] in later.reads and later.path[: len(parent)] == parent
    return beside or later.path[: len(earlier.path)] == earlier.path


def _take_out(body: dict[str, Any], path: FieldPath) -> bool:
    """Take a field out, if it is there and no item of a list."""
    parent = _at(body, path[:-1])
    if not isinstance(parent, dict) or path[-1] not in parent:
        return False
    del parent[path[-1]]
    return True


def _at(value: Any, path: FieldPath) -> Any:
    """What stands at a path; None where nothing does."""
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _problem(document: Document, body: dict[str, Any], fault: Fault) -> Problem:
    path, message = fault.path, fault.message
    if fault.type not in {_MISSING, _RULE}:
        # What is not there names a type of several, not a field.
        while path and not _is_there(body, path):
            path = path[:-1]
    if fault.type == _UNKNOWN:
        message += _meant(path)
    rule = {_UNKNOWN: "unknown-field", _RULE: "rule"}.get(fault.type, "schema")
    return document.problem(path, rule, message, dotted(path))


def _is_there(body: dict[str, Any], path: FieldPath) -> bool:
    parent, last = _at(body, path[:-1]), path[-1]
    if isinstance(parent, dict):
        return last in parent
    return isinstance(last, int) and _at(body, path) is not None


def _meant(path: FieldPath) -> str:
    """The end of a sentence about an unknown field: what was meant, most likely."""
    node = custom_resource_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for part in path[:-1]:
        node = node.get("items", {}) if isinstance(part, int) else node.get("properties", {}).get(part, {})
    known = {name.lower(): name for name in node.get("properties", {})}
    if path[:-1] == ("metadata",):
        known = {name.lower(): name for name in _METADATA}
    wanted = str(path[-1]).replace("_", "").replace("-", "").lower()
    near = difflib.get_close_matches(wanted, known, n=1)
    return f"; did you mean {known[near[0]]}?" if near else ""
