"""The CustomResourceDefinition, made of the models and of nothing else."""

from typing import Any, Final, cast

from pydantic import BaseModel

from chatassistant_operator.api import names
from chatassistant_operator.api.v1alpha1 import ChatAssistant, Spec, Status
from chatassistant_operator.api.v1alpha1.base import ApiModel

Schema = dict[str, Any]

_READY: Final = '.status.conditions[?(@.type=="Ready")]'
_COLUMNS: Final = (
    ("Ready", "string", f"{_READY}.status", 0),
    ("Reason", "string", f"{_READY}.reason", 0),
    ("Model", "string", ".spec.model.name", 0),
    ("Replicas", "integer", ".status.readyReplicas", 0),
    ("Age", "date", ".metadata.creationTimestamp", 0),
    ("URL", "string", ".status.url", 1),
    ("Message", "string", f"{_READY}.message", 1),
    ("Key", "string", ".status.credentials.keyLabel", 1),
)
_NOISE: Final = frozenset({"$defs", "$ref", "propertyNames", "title"})
# What waits for Ready must not take an object for ready that nobody has looked at.
_DEFAULT_STATUS: Final[Schema] = {
    "conditions": [
        {
            "type": "Ready",
            "status": "Unknown",
            "reason": "Pending",
            "message": "The operator has not looked at this object yet.",
            "lastTransitionTime": "1970-01-01T00:00:00Z",
        }
    ]
}


def custom_resource_definition() -> Schema:
    """The whole manifest."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names.PLURAL}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": names.KIND,
                "listKind": f"{names.KIND}List",
                "plural": names.PLURAL,
                "singular": names.KIND.lower(),
                "shortNames": [names.SHORT_NAME],
                "categories": ["all"],
            },
            "versions": [_version()],
        },
    }


def _version() -> Schema:
    return {
        "name": names.VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [
            {"name": name, "type": type_, "jsonPath": path} | ({"priority": priority} if priority else {})
            for name, type_, path, priority in _COLUMNS
        ],
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "schema": {"openAPIV3Schema": _root()},
    }


def _root() -> Schema:
    return {
        "type": "object",
        "description": _text(ChatAssistant.__doc__),
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": "The version of this API."},
            "kind": {"type": "string", "description": "ChatAssistant."},
            "metadata": {"type": "object"},
            "spec": object_schema(Spec),
            "status": object_schema(Status) | {"default": _DEFAULT_STATUS},
        },
        "x-kubernetes-validations": _rules(ChatAssistant),
    }


def object_schema(model: type[ApiModel]) -> Schema:
    """The structural schema of a model and all below it: no references, no unions, no titles."""
    generated = model.model_json_schema(by_alias=True)
    return _structural(generated, generated.get("$defs", {}), _models(model))


def _models(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The models below a model by the name that their schemas have."""
    found: dict[str, type[BaseModel]] = {}
    waiting: list[Any] = [model]
    while waiting:
        each = waiting.pop()
        if isinstance(each, type) and issubclass(each, BaseModel):
            if each.__name__ not in found:
                found[each.__name__] = each
                waiting += [field.annotation for field in each.model_fields.values()]
        else:
            waiting += cast("tuple[Any, ...]", getattr(each, "__args__", ()))
    return found


def _structural(schema: Schema, definitions: dict[str, Schema], models: dict[str, type[BaseModel]]) -> Schema:
    """One node of pydantic's JSON schema as a structural schema of Kubernetes."""
    result = {key: value for key, value in schema.items() if key not in _NOISE}
    if "x-kubernetes-int-or-string" in result:
        return result

    def below(each: Schema) -> Schema:
        return _structural(each, definitions, models)

    if "$ref" in schema:
        result = below(definitions[schema["$ref"].rpartition("/")[2]]) | result
    if "anyOf" in result:
        (only,) = (each for each in result.pop("anyOf") if each != {"type": "null"})
        result = below(only) | result
    for container in ("additionalProperties", "items"):
        if isinstance(result.get(container), dict):
            result[container] = below(result[container])
    if "properties" in result:
        result["properties"] = {name: below(each) for name, each in result["properties"].items()}
        model = models.get(schema.get("title", ""))
        rules = _rules(model) if model else []
        if rules:
            result["x-kubernetes-validations"] = rules
    return _tidied(result)


def _tidied(schema: Schema) -> Schema:
    """A node in OpenAPI 3.0's words, without what says nothing."""
    tidied = dict(schema)
    if tidied.get("additionalProperties") is False:
        del tidied["additionalProperties"]
    if "default" in tidied:
        tidied["default"] = _pruned(tidied["default"])
        if tidied["default"] in (None, {}, []):
            del tidied["default"]
    if "description" in tidied:
        tidied["description"] = _text(tidied["description"])
    if tidied.get("exclusiveMinimum", True) is not True:
        tidied |= {"minimum": tidied["exclusiveMinimum"], "exclusiveMinimum": True}
    return tidied


def _rules(model: type[BaseModel]) -> list[Schema]:
    rules = model.rules if issubclass(model, ApiModel) else ()
    return [
        {"rule": rule.cel, "message": rule.message}
        | ({"fieldPath": rule.field} if rule.field and model is not ChatAssistant else {})
        for rule in rules
    ]


def _pruned(default: Any) -> Any:
    """A default without what is empty: an object's whole default, since its rules are tried on it as it is."""
    if not isinstance(default, dict):
        return default
    pruned = {name: _pruned(value) for name, value in cast("dict[str, Any]", default).items()}
    return {name: value for name, value in pruned.items() if value not in (None, {}, [])}


def _text(description: str | None) -> str:
    return " ".join((description or "").split())
