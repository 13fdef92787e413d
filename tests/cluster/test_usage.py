"""A budget that is spent is told by the status, as the pods tell it."""

import urllib.error

from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support.assistants import Assistants
from support.operators import OperatorProcess
from support.waiting import eventually


def test_a_spent_budget_is_told(operator: OperatorProcess, assistants: Assistants) -> None:
    assistants.put_key(ACCEPTED.token)
    assistants.apply(
        model={"name": "openai/gpt-5-mini", "parameters": {"maxTokens": 16}},
        cache={"enabled": False},
        budget={"dailyUSD": 0.0001},
    )
    assistants.wait_for("Ready")
    assert "usage" not in assistants.get()["status"]

    def refused() -> bool:
        try:
            assistants.ask("Hello")
        except urllib.error.HTTPError as error:
            with error:
                return error.code == 429 and b"budget_exceeded" in error.read()
        return False

    eventually(refused, "the budget is spent")
    eventually(
        lambda: assistants.get()["status"].get("usage") == {"budgetPercent": 100}, "the status tells it"
    )
