"""What a support bundle leaves out, and what it keeps."""

import pytest

from chatassistant_operator.cli.bundle.redaction import MASK, Redactor

KEY = "sk-or-v1-" + "ca9a41" * 10 + "beef"
TOKEN = "Jk3_vQ9mC0xR-7bWnZ1tYpE5sLdFhGaU2oIiKqVwXyz"


@pytest.mark.parametrize(
    "text",
    [
        f"the key {KEY} was refused",
        f"the key {KEY[:20]}... was refused",
        f"Authorization: Bearer {TOKEN}",
        "Authorization: Basic dXNlcjpjYW5hcnk=",
        "https://me:canary@proxy.example.com/path",
        "redis://:canary@redis:6379/0",
        "password=canary",
        '{"api_key": "canary with spaces", "next": 1}',
        r'{"event": "{\"token\": \"canary\"}"}',
        "OPENROUTER_API_KEY='canary'",
        f"it is {TOKEN}",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl",
        "-----BEGIN RSA PRIVATE KEY-----\ncanary\n-----END RSA PRIVATE KEY-----",
        "GET /hook?access_token=canary&x=1",
    ],
)
def test_what_looks_like_a_credential_is_removed(text: str) -> None:
    cleaned = Redactor().text(text)
    assert MASK in cleaned
    for secret in ("canary", KEY[:20], TOKEN, "dXNlcjpj", "eyJzdWIi"):
        assert secret not in cleaned


@pytest.mark.parametrize(
    "text",
    [
        '{"promptTokens": 3, "completion_tokens": 45, "event": "answered"}',
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "uid 1f0c1d3e-8f0a-4c56-9e2d-7a6b5c4d3e2f",
        "The Secret 'openrouter-secret' has no entry 'api-key'.",
        "anthropic/claude-sonnet-4.5 answers at http://todo.todo-chatbot.svc/v1",
        "pod todo-5d4f8c7b9d-x2x7k on node ip-10-0-0-1.eu-west-1.compute.internal",
        "2026-11-27T08:24:00.123456789Z ChatAssistantOperatorReconcilesTotal",
    ],
)
def test_what_helps_stays(text: str) -> None:
    assert Redactor().text(text) == text


def test_values_that_are_known_are_removed_wherever_they_are() -> None:
    redactor = Redactor(["canary yellow\n", "short", "first line\nsecond line"])
    assert redactor.text("a canary yellow bird") == f"a {MASK} bird"
    assert redactor.text("short words stay") == "short words stay"
    assert redactor.text("the second line alone") == f"the {MASK} alone"


def test_objects_keep_their_shape_and_lose_their_texts() -> None:
    cleaned = Redactor().clean(
        {
            "kind": "Pod",
            "metadata": {
                "managedFields": [{"manager": "kubectl"}],
                "annotations": {
                    "note": "canary",
                    "chatassistant.dev/revision": "abc",
                    "chatassistant.dev/validate-at": "x",
                },
            },
            "spec": {
                "systemPrompt": "canary",
                "faq": [{"question": "canary"}],
                "containers": [
                    {
                        "args": ["canary"],
                        "env": [
                            {"name": "WORD", "value": "canary"},
                            {"name": "CHATASSISTANT_WORKERS", "value": "16"},
                            {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}},
                        ],
                    }
                ],
            },
            "list": [{"kind": "ConfigMap", "data": {"file": "canary"}, "binaryData": {"more": "canary"}}],
        }
    )
    assert cleaned == {
        "kind": "Pod",
        "metadata": {
            "annotations": {
                "note": "(left out: 6 characters)",
                "chatassistant.dev/revision": "abc",
                "chatassistant.dev/validate-at": "(left out: 1 characters)",
            }
        },
        "spec": {
            "systemPrompt": "(left out: 6 characters)",
            "faq": "(left out: 1 entries)",
            "containers": [
                {
                    "args": "(left out: 1 entries)",
                    "env": [
                        {"name": "WORD", "value": "(left out: 6 characters)"},
                        {"name": "CHATASSISTANT_WORKERS", "value": "16"},
                        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}},
                    ],
                }
            ],
        },
        "list": [
            {
                "kind": "ConfigMap",
                "data": {"file": "(left out: 6 characters)"},
                "binaryData": {"more": "(left out: 6 characters)"},
            }
        ],
    }
