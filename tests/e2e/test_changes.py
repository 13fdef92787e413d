"""Things change while callers are being answered, and no caller notices."""

import pytest

from support.waiting import eventually
from support.whole_cluster import Client, Team

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

# Answers take seconds, so that some are under way at any time.
_SLOW = {"route": "/chat/completions", "token_seconds": 0.3}
_MANY = {"requests": 1_000_000}
_ANOTHER_KEY = "sk-or-v1-" + "a" * 64


def test_a_rolling_restart_cuts_no_stream(team: Team) -> None:
    team.apply(replicas=2, rateLimit=_MANY)
    team.wait_until_ready()
    before = set(team.pods())
    team.cluster.control("POST", "", _SLOW)
    callers = Client(team, "todo", "--callers=20")
    callers.wait_for_an_answer()
    team.kubectl("rollout", "restart", "deployment/todo")
    team.apply(replicas=2, rateLimit=_MANY, systemPrompt="Be brief.")
    eventually(lambda: not before & set(team.pods()), "all pods are new", 120)
    team.wait_until_ready()
    met = callers.end()
    assert met["failures"] == []
    assert len(met["answers"]) > 40


def test_a_new_key_is_used_without_a_failed_request(team: Team) -> None:
    team.cluster.control(
        "PUT", "/keys", {"name": "another", "token": _ANOTHER_KEY, "free_requests": 1_000_000}
    )
    team.apply(replicas=2, rateLimit=_MANY)
    team.wait_until_ready()
    before = set(team.pods())
    callers = Client(team, "todo", "--callers=5")
    callers.wait_for_an_answer()
    team.give_key(_ANOTHER_KEY)
    eventually(lambda: not before & set(team.pods()), "all pods are new", 120)
    team.wait_until_ready()
    met = callers.end()
    assert met["failures"] == []
    assert len(met["answers"]) > 10
