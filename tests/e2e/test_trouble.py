"""What a real kubelet tells of pods that do not run, in the status."""

import pytest

from support.whole_cluster import Team

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def test_an_image_that_does_not_exist(team: Team) -> None:
    team.apply(image="ghcr.io/chatassistant-dev/chatbot:no-such-tag")
    message = team.wait_for_reason("Available", "ImagePullFailed")
    assert "no-such-tag" in message


def test_too_little_memory(team: Team) -> None:
    team.apply(resources={"requests": {"memory": "16Mi"}, "limits": {"memory": "16Mi"}})
    team.wait_for_reason("Available", "OutOfMemory")


def test_no_node_that_fits(team: Team) -> None:
    team.apply(pod={"nodeSelector": {"example.com/disk": "none"}})
    message = team.wait_for_reason("Available", "Unschedulable")
    assert "nodeSelector" in message or "affinity" in message


def test_a_bad_image_leaves_those_that_serve(team: Team) -> None:
    team.apply()
    team.wait_until_ready()
    team.apply(image="ghcr.io/chatassistant-dev/chatbot:no-such-tag")
    team.wait_for_reason("Ready", "ImagePullFailed")
    assert "Hello" in team.ask("Hello")
