"""What people see of the metrics: alerts, and a dashboard for Grafana."""

from typing import Any, Final, NamedTuple

_O: Final = "chatassistant_operator"
_C: Final = "chatassistant_chatbot"


class Alert(NamedTuple):
    """An alert of Prometheus'."""

    name: str
    expression: str
    lasting: str
    summary: str
    description: str


class Panel(NamedTuple):
    """A panel of the dashboard: its queries with their legends."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]


ALERTS: Final = (
    Alert(
        "ChatAssistantOperatorDoesNotWork",
        f"sum({_O}_leading) < 1 or absent({_O}_leading)",
        "5m",
        "No operator works on ChatAssistants.",
        "No replica holds the Lease: changes of ChatAssistants have no effect. Look at the operator's pods and logs.",
    ),
    Alert(
        "ChatAssistantNotReady",
        f'sum by (reason) ({_O}_conditions{{type="Ready",status="False",reason!="RolloutProgressing"}}) > 0',
        "15m",
        "ChatAssistants are not ready: {{ $labels.reason }}.",
        "`kubectl get chat -A -o wide` names them, with the cure.",
    ),
    Alert(
        "ChatAssistantGatewayDown",
        f"max by (gateway) ({_O}_gateway_down) > 0",
        "10m",
        "The gateway {{ $labels.gateway }} does not answer.",
        "Verdicts are as old as its last answer; chatbots that need it answer with errors.",
    ),
    Alert(
        "ChatAssistantKeyExpires",
        f"{_O}_key_expiry_timestamp_seconds - time() < 7 * 86400",
        "1h",
        "The API key of {{ $labels.namespace }}/{{ $labels.name }} ends within a week.",
        "Make another key at the gateway and put it into the Secret.",
    ),
    Alert(
        "ChatAssistantOperatorWritesFail",
        f'sum(rate({_O}_writes_total{{result="failed"}}[10m])) > 0.1',
        "15m",
        "The API server refuses what the operator writes.",
        "The operator's log names object and reason; a right may be missing.",
    ),
)

PANELS: Final = (
    Panel(
        "Assistants by reason",
        "none",
        ((f'sum by (reason) ({_O}_conditions{{type="Ready"}})', "{{reason}}"),),
    ),
    Panel(
        "Requests by status", "reqps", ((f"sum by (status) (rate({_C}_requests_total[5m]))", "{{status}}"),)
    ),
    Panel(
        "Seconds to the first byte",
        "s",
        (
            (f"histogram_quantile(0.5, sum by (le) (rate({_C}_first_byte_seconds_bucket[5m])))", "half"),
            (f"histogram_quantile(0.95, sum by (le) (rate({_C}_first_byte_seconds_bucket[5m])))", "95%"),
        ),
    ),
    Panel("Tokens", "none", ((f"sum by (model, kind) (rate({_C}_tokens_total[5m]))", "{{model}} {{kind}}"),)),
    Panel(
        "Cost a day",
        "currencyUSD",
        (
            (f"sum by (model) (increase({_C}_cost_usd_total[1d]))", "{{model}}"),
            (f"sum(increase({_C}_saved_usd_total[1d]))", "saved by the cache"),
        ),
    ),
    Panel("Cache", "none", ((f"sum by (result) (rate({_C}_cache_lookups_total[5m]))", "{{result}}"),)),
    Panel(
        "Gateway's errors, retries",
        "none",
        (
            (f"sum by (status) (rate({_C}_gateway_errors_total[5m]))", "{{status}}"),
            (f"sum(rate({_C}_gateway_retries_total[5m]))", "retries"),
        ),
    ),
    Panel("Refusals", "none", ((f"sum by (code) (rate({_C}_errors_total[5m]))", "{{code}}"),)),
    Panel(
        "Tools",
        "none",
        ((f"sum by (server, result) (rate({_C}_tool_calls_total[5m]))", "{{server}} {{result}}"),),
    ),
    Panel("Reconciles", "none", ((f"sum by (result) (rate({_O}_reconciles_total[5m]))", "{{result}}"),)),
    Panel(
        "Operator's queue",
        "none",
        (
            (f"max({_O}_queue_depth)", "waiting"),
            (f"max({_O}_queue_oldest_age_seconds)", "seconds of the first"),
        ),
    ),
    Panel(
        "API server",
        "reqps",
        ((f"sum by (method, code) (rate({_O}_kubernetes_requests_total[5m]))", "{{method}} {{code}}"),),
    ),
)


def rule_groups() -> list[dict[str, Any]]:
    """The alerts as a PrometheusRule's groups."""
    rules = [
        {
            "alert": each.name,
            "expr": each.expression,
            "for": each.lasting,
            "labels": {"severity": "warning"},
            "annotations": {"summary": each.summary, "description": each.description},
        }
        for each in ALERTS
    ]
    return [{"name": "chatassistant-operator", "rules": rules}]


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it (schema 39, Grafana 11)."""
    source = {"type": "prometheus", "uid": "${datasource}"}
    panels: list[dict[str, Any]] = [
        {
            "id": number + 1,
            "type": "timeseries",
            "title": panel.title,
            "datasource": source,
            "gridPos": {"h": 8, "w": 12, "x": 12 * (number % 2), "y": 8 * (number // 2)},
            "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
            "targets": [
                {
                    "refId": chr(ord("A") + index),
                    "expr": expression,
                    "legendFormat": legend,
                    "datasource": source,
                }
                for index, (expression, legend) in enumerate(panel.queries)
            ],
        }
        for number, panel in enumerate(PANELS)
    ]
    variable = {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"}
    return {
        "title": "ChatAssistants",
        "uid": "chatassistants",
        "schemaVersion": 39,
        "tags": ["chatassistant"],
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "1m",
        "templating": {"list": [variable]},
        "panels": panels,
    }
