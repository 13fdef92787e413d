"""The chart's generated files."""

import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any, Final

import yaml
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from chatassistant_operator.api.crd import custom_resource_definition
from chatassistant_operator.chart.values import CHARTS_OWN, Part, Values
from chatassistant_operator.chart.watching import dashboard, rule_groups
from chatassistant_operator.cluster.kinds import LEASE, Kind
from chatassistant_operator.cluster.rights import RIGHTS, STATUS
from chatassistant_operator.settings import PREFIX, Settings

_OPERATOR: Final = "deploy/helm/chatassistant-operator"
_CRDS: Final = "deploy/helm/chatassistant-crds"
_TEMPLATE_NOTE: Final = "{{{{- /* {} */ -}}}}\n"
_WIDTH: Final = 110


def files(note: str) -> dict[str, str]:
    """What should be in which file, by its path below the project's root; `note` says who wrote it."""
    board = json.dumps(dashboard(), indent=2) + "\n"
    return {
        f"{_OPERATOR}/values.yaml": f"# {note}\n" + "".join(_documented(Values, Values(), "")),
        f"{_OPERATOR}/values.schema.json": json.dumps(_schema(), indent=2) + "\n",
        f"{_OPERATOR}/README.md": _readme(note),
        f"{_OPERATOR}/templates/_settings.tpl": _TEMPLATE_NOTE.format(note) + _environment(),
        f"{_OPERATOR}/templates/_rules.tpl": _TEMPLATE_NOTE.format(note) + _rules(),
        f"{_OPERATOR}/templates/prometheusrule.yaml": _TEMPLATE_NOTE.format(note) + _prometheus_rule(),
        f"{_OPERATOR}/dashboards/chatassistants.json": board,
        "deploy/grafana/chatassistants.json": board,
        f"{_CRDS}/templates/chatassistants.yaml": f"# {note}\n" + _kept_crd(),
        **{f"{chart}/Chart.yaml": f"# {note}\n" + _chart(chart) for chart in (_OPERATOR, _CRDS)},
    }


def rules() -> list[dict[str, Any]]:
    """What the operator needs in the namespaces that it watches, as RBAC has it."""
    return [
        *(_rule(kind, kind.plural, verbs) for kind, verbs in RIGHTS.items() if kind != LEASE),
        *(_rule(kind, f"{kind.plural}/status", verbs) for kind, verbs in STATUS.items()),
    ]


def lease_rules() -> list[dict[str, Any]]:
    """What it needs in its own namespace."""
    return [_rule(LEASE, LEASE.plural, RIGHTS[LEASE])]


def _rule(kind: Kind, resource: str, verbs: tuple[str, ...]) -> dict[str, Any]:
    return {"apiGroups": [kind.group], "resources": [resource], "verbs": list(verbs)}


def _rules() -> str:
    return (
        '{{ define "chatassistant-operator.rules" -}}\n'
        + yaml.safe_dump(rules(), sort_keys=False)
        + '{{- end }}\n\n{{ define "chatassistant-operator.leaseRules" -}}\n'
        + yaml.safe_dump(lease_rules(), sort_keys=False)
        + "{{- end }}\n"
    )


def _environment() -> str:
    """Each setting as an environment variable that has the value's content."""
    lines = ['{{ define "chatassistant-operator.settings" -}}']
    for name, value, kind in _settings(Settings, "", ()):
        written = f"{{{{ .Values.{value} | toJson | quote }}}}"
        if kind == "text":
            written = f"{{{{ .Values.{value} | quote }}}}"
        elif kind == "optional":
            lines += [f'{{{{- if not (kindIs "invalid" .Values.{value}) }}}}']
            written = f"{{{{ .Values.{value} | quote }}}}"
        lines += [f"- name: {PREFIX}{name}", f"  value: {written}"]
        if kind == "optional":
            lines += ["{{- end }}"]
    return "\n".join([*lines, "{{- end }}\n"])


def _settings(model: type[BaseModel], prefix: str, path: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    """Each setting: its variable without the prefix, its value's path, and how that is written."""
    for name, field in model.model_fields.items():
        if name in CHARTS_OWN:
            continue
        default, variable = field.get_default(), f"{prefix}{name.upper()}"
        here = (*path, to_camel(name))
        if isinstance(default, BaseModel):
            yield from _settings(type(default), f"{variable}__", here)
        elif default is None:
            yield variable, ".".join(here), "optional"
        else:
            yield variable, ".".join(here), "text" if isinstance(default, str) else "json"


def _schema() -> dict[str, Any]:
    schema = Values.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Values of chatassistant-operator"
    # Charts that contain this one put their own values here.
    schema["properties"]["global"] = {"type": "object", "description": "Helm's own."}
    return schema


def _documented(model: type[BaseModel], given: BaseModel, indent: str) -> Iterator[str]:
    """YAML with each value's meaning above it."""
    for name, field in model.model_fields.items():
        value = getattr(given, name)
        for line in (field.description or "").splitlines():
            yield f"{indent}# {line.strip()}\n"
        key = to_camel(name)
        if isinstance(value, Part):
            yield f"{indent}{key}:\n"
            yield from _documented(type(value), value, f"{indent}  ")
        else:
            plain = _plain(value)
            flow = None if isinstance(plain, dict | list) else False
            text = yaml.safe_dump({key: plain}, sort_keys=False, width=_WIDTH, default_flow_style=flow)
            yield "".join(f"{indent}{line}\n" for line in text.splitlines())


def _plain(value: object) -> Any:
    """As JSON has it."""
    return json.loads(json.dumps(value, default=str))


def _table(model: type[BaseModel], given: BaseModel, prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        value, key = getattr(given, name), f"{prefix}{to_camel(name)}"
        if isinstance(value, Part):
            yield from _table(type(value), value, f"{key}.")
        else:
            meaning = " ".join((field.description or "").split())
            yield f"| `{key}` | `{json.dumps(_plain(value))}` | {meaning} |"


def _readme(note: str) -> str:
    return "\n".join(
        [
            f"<!-- {note} -->",
            "# chatassistant-operator",
            "",
            "The operator that makes chatbots of ChatAssistants. Its CRD comes first, by a chart of its own, so that an",
            "uninstall of the operator leaves assistants alone:",
            "",
            "```sh",
            "helm install chatassistant-crds deploy/helm/chatassistant-crds",
            "helm install chatassistant-operator deploy/helm/chatassistant-operator \\",
            "  --namespace chatassistant-system --create-namespace --set 'namespaces={team-a,team-b}'",
            "```",
            "",
            "With `namespaces` the operator needs no ClusterRole, and so no right on Secrets anywhere else: this is how it",
            "should be installed. Without, it works in all namespaces.",
            "",
            "| value | default | meaning |",
            "|---|---|---|",
            *_table(Values, Values(), ""),
            "",
        ]
    )


def _chart(path: str) -> str:
    name = path.rpartition("/")[2]
    release = version("chatassistant")
    described = {
        _OPERATOR: "Makes chatbots of ChatAssistants: the operator",
        _CRDS: "Makes chatbots of ChatAssistants: their CustomResourceDefinition",
    }
    return yaml.safe_dump(
        {
            "apiVersion": "v2",
            "name": name,
            "description": described[path],
            "type": "application",
            "version": release,
            "appVersion": release,
            # CRDs' fieldPath and messageExpression, ValidatingAdmissionPolicy.
            "kubeVersion": ">=1.31.0-0",
            "keywords": ["chatbot", "openrouter", "operator"],
            "annotations": {"artifacthub.io/license": "Apache-2.0"},
        },
        sort_keys=False,
        width=_WIDTH,
    )


def _prometheus_rule() -> str:
    """Prometheus' own braces are kept from Helm."""
    groups = yaml.safe_dump(rule_groups(), sort_keys=False, width=_WIDTH).replace("{{", "{{ `{{` }}")
    indented = "".join(f"    {line}\n" for line in groups.splitlines())
    return f"""{{{{- if .Values.prometheusRule.enabled }}}}
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: {{{{ include "chatassistant-operator.name" . }}}}
  namespace: {{{{ .Release.Namespace }}}}
  labels:
    {{{{- include "chatassistant-operator.labels" . | nindent 4 }}}}
    {{{{- with .Values.prometheusRule.labels }}}}
    {{{{- toYaml . | nindent 4 }}}}
    {{{{- end }}}}
spec:
  groups:
{indented}{{{{- end }}}}
"""


def _kept_crd() -> str:
    """The CRD as a template, so that upgrades change it; kept when the chart goes, as all ChatAssistants go with it."""
    definition: dict[str, Any] = custom_resource_definition()
    metadata: Mapping[str, Any] = definition["metadata"]
    annotations = {**metadata.get("annotations", {}), "helm.sh/resource-policy": "keep"}
    definition = {**definition, "metadata": {**metadata, "annotations": annotations}}
    text = yaml.safe_dump(definition, sort_keys=False, width=_WIDTH, allow_unicode=True)
    # What CEL and Go templates both write with braces.
    return text.replace("{{", "{{ `{{` }}")
