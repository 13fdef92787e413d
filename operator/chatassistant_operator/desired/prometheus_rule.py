"""The PrometheusRule: alerts over the metrics of an assistant's pods."""

from typing import Final, NamedTuple

from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.desired.metadata import object_meta
from chatassistant_operator.observed import Manifest, Observed

_C: Final = "chatassistant_chatbot"


class _Alert(NamedTuple):
    """An alert; `%s` in the expression stands for the labels of the assistant's series."""

    name: str
    expression: str
    lasting: str
    severity: str
    summary: str


_ALERTS: Final = (
    _Alert(
        "ChatAssistantErrors",
        f'sum(rate({_C}_requests_total{{%s,status=~"5.."}}[5m])) / sum(rate({_C}_requests_total{{%s}}[5m])) > 0.05',
        "10m",
        "critical",
        "More than 5% of the requests to {assistant} fail.",
    ),
    _Alert(
        "ChatAssistantGatewayLeftAlone",
        f"max({_C}_breaker_open{{%s}}) > 0",
        "5m",
        "critical",
        "{assistant} has stopped asking its gateway, which fails.",
    ),
    _Alert(
        "ChatAssistantKeyRefused",
        f'sum(increase({_C}_gateway_errors_total{{%s,status=~"401|402|403"}}[10m])) > 0',
        "5m",
        "critical",
        "The gateway refuses the API key of {assistant}, or its account has no credit: `kubectl get chat -o wide` says which.",
    ),
    _Alert(
        "ChatAssistantSlow",
        f"histogram_quantile(0.95, sum by (le) (rate({_C}_first_byte_seconds_bucket{{%s}}[10m]))) > 20",
        "15m",
        "warning",
        "Answers of {assistant} begin after more than 20 s.",
    ),
    _Alert(
        "ChatAssistantQueues",
        f"sum({_C}_queue_waiting{{%s}}) > 0",
        "10m",
        "warning",
        "Requests to {assistant} wait for their turn: raise spec.replicas or spec.limits.concurrent.",
    ),
    _Alert(
        "ChatAssistantStoreDegraded",
        f"max({_C}_store_degraded{{%s}}) > 0",
        "10m",
        "warning",
        "Pods of {assistant} cannot reach the store that they share, and count each for itself.",
    ),
)


def prometheus_rule(assistant: ChatAssistant, seen: Observed) -> Manifest | None:
    """The PrometheusRule, if the spec asks for one, over the series that the ServiceMonitor brings."""
    if not assistant.spec.observability.prometheus_rule:
        return None
    owner = assistant.metadata
    series = f'namespace="{owner.namespace}",job="{owner.name}"'
    rules = [
        {
            "alert": each.name,
            "expr": each.expression.replace("%s", series),
            "for": each.lasting,
            "labels": {"severity": each.severity, "namespace": owner.namespace, "assistant": owner.name},
            "annotations": {
                "summary": each.summary.replace("{assistant}", f"{owner.namespace}/{owner.name}")
            },
        }
        for each in _ALERTS
    ]
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": object_meta(assistant, labels=seen.defaults.monitoring_labels),
        "spec": {"groups": [{"name": f"{owner.namespace}/{owner.name}", "rules": rules}]},
    }
