"""What the gateway says of a manifest's key and models."""

import re
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from chatassistant_operator import checks
from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.api.policy import Policy
from chatassistant_operator.api.reasons import ConditionType
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.asking.references import credential_of
from chatassistant_operator.checks.endpoints import needs_endpoints
from chatassistant_operator.checks.key import SOON
from chatassistant_operator.checks.secret import usable_key
from chatassistant_operator.cli.validate.formats import Report
from chatassistant_operator.local.documents import Document, Problem, Severity, field_path
from chatassistant_operator.local.manifests import DEFAULT_NAMESPACE, secret_data
from chatassistant_operator.observed import Children, Defaults, Observed
from chatassistant_operator.observed.gateway import Catalogue, Endpoints, KeyAccepted, Left
from chatassistant_operator.observed.named import Absent, Credential
from chatassistant_operator.openrouter.client import OpenRouter
from chatassistant_operator.openrouter.errors import OpenRouterError, RefusedError

T = TypeVar("T")

_SECONDS: Final = 30.0
_KEY_FIELD: Final = "spec.credentials.apiKeySecretRef.name"
_URL_FIELD: Final = "spec.gateway.baseURL"
_FIELD: Final = re.compile(r"spec\.model(?:\.\w+|\[\d+\])*")
_KEYS_PAGE: Final = "https://openrouter.ai/settings/keys"
_NEW_KEY: Final = f"make a new one at {_KEYS_PAGE}"


async def asked(report: Report, policy: Policy, gateway: str | None, key: str) -> list[Problem]:
    """The problems of key and models that the gateway tells.

    Args:
        report: What is known of the files; only ChatAssistants that keep to schema and rules are asked about.
        policy: A key is sent only where it allows.
        gateway: The gateway to ask instead of those that the manifests name, allowed in any case.
        key: The API key for those whose Secret the files do not hold; may be empty.
    """
    if gateway is not None:
        policy = policy.model_copy(update={"allowed_gateways": (*policy.allowed_gateways, gateway)})
    problems: list[Problem] = []
    async with OpenRouter() as openrouter:
        inquiry = _Inquiry(openrouter, policy)
        for document, assistant in report.sound:
            at = assistant if gateway is None else _moved(assistant, gateway)
            if not policy.allows_gateway(at.spec.gateway.base_url):
                words = "was not asked for key and model, since the operator's policy does not allow it"
                problems.append(document.problem(field_path(_URL_FIELD), "key", words, _URL_FIELD))
                continue
            problems += await inquiry.of_key(document, at, _secret(report.others, at), key)
            problems += await inquiry.of_models(document, at)
    return problems


def _moved(assistant: ChatAssistant, gateway: str) -> ChatAssistant:
    """The same assistant at another gateway."""
    spec = assistant.spec
    there = spec.gateway.model_copy(update={"base_url": gateway})
    return assistant.model_copy(update={"spec": spec.model_copy(update={"gateway": there})})


def _secret(others: Iterable[Document], assistant: ChatAssistant) -> dict[str, Any] | None:
    """The assistant's Secret, where the files hold it."""
    wanted = assistant.metadata.namespace, assistant.spec.credentials.api_key_secret_ref.name
    for each in others:
        if each.body["kind"] != "Secret" or not each.name:
            continue
        if (each.body["metadata"].get("namespace", DEFAULT_NAMESPACE), each.name) == wanted:
            return {**each.body, "data": secret_data(dict(each.body))}
    return None


class _Inquiry:
    """The questions of one run, each asked once."""

    def __init__(self, openrouter: OpenRouter, policy: Policy) -> None:
        self._openrouter = openrouter
        self._policy = policy
        self._answers: dict[object, Any] = {}

    async def _once(self, question: object, ask: Callable[[], Awaitable[T]]) -> T | OpenRouterError:
        if question not in self._answers:
            try:
                self._answers[question] = await ask()
            except OpenRouterError as error:
                self._answers[question] = error
        answer: T | OpenRouterError = self._answers[question]
        return answer

    async def of_key(
        self, document: Document, assistant: ChatAssistant, secret: dict[str, Any] | None, given: str
    ) -> list[Problem]:
        """What is wrong with the key: that of the Secret, else the one that was given."""
        ref, url = assistant.spec.credentials.api_key_secret_ref, assistant.spec.gateway.base_url
        if secret is not None:
            credential, whose = credential_of(secret, ref.key), f"the Secret {ref.name!r} in the files"
        else:
            credential, whose = Credential(ApiKey(given) if given.strip() else None, ""), "OPENROUTER_API_KEY"
        api_key = usable_key(assistant, credential)
        if api_key is None:
            words, severity = _unusable(credential, ref.key, whose), Severity.ERROR
        else:
            answer = await self._once(
                ("key", url, api_key), lambda: self._openrouter.key(url, api_key, _SECONDS)
            )
            words, severity = _said_of_key(answer, url, whose)
        if not words:
            return []
        return [document.problem(field_path(_KEY_FIELD), "key", words, _KEY_FIELD, severity)]

    async def of_models(self, document: Document, assistant: ChatAssistant) -> list[Problem]:
        """What is wrong with the models: what the operator's own checks say, given what the gateway offers."""
        url = assistant.spec.gateway.base_url
        catalogue = await self._once(("models", url), lambda: self._openrouter.models(url, _SECONDS))
        if isinstance(catalogue, OpenRouterError):
            words = f"the list of models could not be read, which says nothing against it: {catalogue}"
            return [document.problem(field_path("spec.model.name"), "model", words, "spec.model.name")]
        findings = checks.run(assistant, await self._seen(assistant, catalogue))
        problems: list[Problem] = []
        for condition, bad in (
            (ConditionType.MODEL_AVAILABLE, "False"),
            (ConditionType.MODEL_RETIRING, "True"),
        ):
            finding = findings.get(condition)
            if finding is None or finding.truth != bad:
                continue
            told = _FIELD.search(finding.message)
            field = told[0] if told else "spec.model.name"
            severity = Severity.ERROR if condition is ConditionType.MODEL_AVAILABLE else Severity.WARNING
            problems.append(document.problem(field_path(field), "model", finding.message, field, severity))
        return problems

    async def _seen(self, assistant: ChatAssistant, catalogue: Catalogue) -> Observed:
        """The world as the operator's checks want it, as far as they are about models."""
        url, preferences = assistant.spec.gateway.base_url, assistant.spec.model.provider
        offers: dict[str, Endpoints] = {}
        zero_retention: Endpoints | OpenRouterError | None = None
        if needs_endpoints(preferences):
            rows = (catalogue.find(name) for name in assistant.spec.model.named.values())
            for id_ in {row.id for row in rows if row is not None}:
                answer = await self._once(("endpoints", url, id_), self._endpoints(url, id_))
                if isinstance(answer, Endpoints):
                    offers[id_] = answer
        if preferences is not None and preferences.zdr:
            zero_retention = await self._once(
                ("zdr", url), lambda: self._openrouter.zero_retention(url, _SECONDS)
            )
        return Observed(
            now=datetime.now(UTC),
            policy=self._policy,
            defaults=Defaults(""),
            credential=Absent(),
            prompt=None,
            key=None,
            catalogue=catalogue,
            children=Children(),
            endpoints=offers,
            zero_retention=zero_retention if isinstance(zero_retention, Endpoints) else None,
        )

    def _endpoints(self, url: str, model: str) -> Callable[[], Awaitable[Endpoints]]:
        return lambda: self._openrouter.endpoints(url, model, _SECONDS)


def _unusable(credential: Absent | Credential, entry: str, whose: str) -> str:
    """Why there is no key that may be sent."""
    if not isinstance(credential, Credential) or credential.key is None:
        if whose == "OPENROUTER_API_KEY":
            return "no key to check: set OPENROUTER_API_KEY, or give the Secret's manifest, too"
        return f"{whose} has no entry {entry!r}"
    if credential.key.flaw:
        return f"the key of {whose} {credential.key.flaw}, so it was sent to nobody"
    return f"the key of {whose} does not look like an OpenRouter key (sk-or-…), so it was sent to nobody"


def _said_of_key(answer: KeyAccepted | OpenRouterError, url: str, whose: str) -> tuple[str, Severity]:
    """What a gateway's answer says against a key; empty when nothing."""
    match answer:
        case RefusedError():
            words = f"{url} refuses the key of {whose} ({answer.status}: {answer}): {_NEW_KEY}"
        case OpenRouterError():
            words = f"the key could not be checked, which says nothing against it: {answer}"
        case KeyAccepted(management=True):
            words = f"the key of {whose} is a management key, and no model answers to it: {_NEW_KEY}"
        case KeyAccepted(credits=Left.NONE):
            words = f"the key of {whose} may spend no more: raise its limit at {_KEYS_PAGE}"
        case _:
            return _warning(answer, whose), Severity.WARNING
    return words, Severity.ERROR


def _warning(answer: KeyAccepted, whose: str) -> str:
    """What will be wrong with a key before long; empty when nothing."""
    if answer.expires_at is not None and answer.expires_at - datetime.now(UTC) <= SOON:
        return f"the key of {whose} ends at {answer.expires_at:%Y-%m-%dT%H:%M:%SZ}: {_NEW_KEY}"
    if answer.credits is Left.LOW:
        return f"the key of {whose} has less than a tenth of its limit left: raise it at {_KEYS_PAGE}"
    return ""
