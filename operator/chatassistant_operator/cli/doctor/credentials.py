"""The Secret, the key in it, and the model: what the tutorial's debugging begins with. No key is ever shown."""

import base64
import binascii
from typing import Final

from chatassistant_operator.api.policy import Policy, is_openrouter
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.asking.references import credential_of
from chatassistant_operator.checks import key as key_checks
from chatassistant_operator.checks import model as model_checks
from chatassistant_operator.checks import secret as secret_checks
from chatassistant_operator.cli.doctor.cluster import by_condition, cure_of, judged
from chatassistant_operator.cli.doctor.finding import Finding, Fix, State, broken, ok, unknown, warning
from chatassistant_operator.cli.doctor.snapshot import Snapshot
from chatassistant_operator.cli.revalidate import wish
from chatassistant_operator.cluster.kinds import CHAT_ASSISTANT, SECRET
from chatassistant_operator.observed import Children, Defaults, Observed
from chatassistant_operator.observed.gateway import Catalogue, KeyAccepted, KeyRefused
from chatassistant_operator.observed.named import Credential, Unreadable

_ABOUT_THE_SECRET: Final = frozenset(
    {Reason.SECRET_NOT_FOUND, Reason.SECRET_KEY_MISSING, Reason.KEY_MALFORMED}
)
_MAY_PASS: Final = frozenset({Reason.GATEWAY_UNREACHABLE, Reason.RATE_LIMITED, Reason.CATALOG_UNAVAILABLE})
_QUOTES: Final = "\"'`\u201c\u201d\u2018\u2019"
_SECRET_CHECKS: Final = (
    secret_checks.secret_exists,
    secret_checks.secret_has_the_entry,
    secret_checks.value_can_be_sent,
    secret_checks.value_looks_like_a_key,
)
_KEY_CHECKS: Final = (
    key_checks.key_has_not_expired,
    key_checks.key_is_not_refused,
    key_checks.key_manages_no_keys,
    key_checks.limit_is_not_reached,
)
_MODEL_CHECKS: Final = (
    model_checks.models_are_offered,
    model_checks.models_call_tools,
    model_checks.answers_fit,
)


def secret(seen: Snapshot) -> Finding:
    """The Secret is there, has the entry, and its value can be a key: one line, no quotes, `sk-or-` where that counts."""
    ref = seen.chat.spec.credentials.api_key_secret_ref
    if isinstance(seen.secret, Unreadable):
        said = seen.condition(ConditionType.CREDENTIALS_VALID)
        if said is not None and said["reason"] in _ABOUT_THE_SECRET:
            return broken(said["message"], cure_of(seen, said))
        return unknown(f"You may not read the Secret {ref.name!r}; the operator says nothing against it.")
    slip = _slip_of_the_pen(seen)
    if slip is not None:
        return slip
    for check in _SECRET_CHECKS:
        found = check(seen.chat, observed(seen))
        if found is not None:
            return judged(seen, found)
    text, begins = seen.key_text, "begins with sk-or-"
    if not text.strip().startswith("sk-or-"):
        begins = "does not begin with sk-or-, which counts for OpenRouter only"
    space = " White space around it does no harm." if text != text.strip() else ""
    return ok(f"The Secret {ref.name!r} has the entry {ref.key!r}, whose value {begins}.{space}")


def key(seen: Snapshot) -> Finding:
    """The gateway accepts the key: as it said just now, or as it told the operator."""
    if seen.live is not None and isinstance(seen.live.key, KeyAccepted | KeyRefused):
        for check in _KEY_CHECKS:
            found = check(seen.chat, observed(seen))
            if found is not None:
                return judged(seen, found)
        if _is_without_credit(seen):
            return _asked_by_the_operator(seen, ConditionType.CREDENTIALS_VALID, "")
        return ok(f"{seen.chat.spec.gateway.base_url} accepts the key: it was asked just now, from here.")
    note = f" From here: {seen.live.key}" if seen.live is not None else ""
    if _is_another_key(seen):
        ref = seen.chat.spec.credentials.api_key_secret_ref
        return warning(
            f"The Secret {ref.name!r} holds another key than the one that the operator told of: it looks within a "
            f"minute.{note}",
            f"kubectl assistant revalidate {seen.name} -n {seen.namespace}",
            _revalidate(seen),
        )
    return _asked_by_the_operator(seen, ConditionType.CREDENTIALS_VALID, note)


def model(seen: Snapshot) -> Finding:
    """The gateway offers the models, for what they are to do."""
    if seen.live is not None and isinstance(seen.live.catalogue, Catalogue):
        for check in _MODEL_CHECKS:
            found = check(seen.chat, observed(seen))
            if found is not None:
                return judged(seen, found)
    note = f" From here: {seen.live.catalogue}" if seen.live and isinstance(seen.live.catalogue, str) else ""
    return _asked_by_the_operator(seen, ConditionType.MODEL_AVAILABLE, note)


def observed(seen: Snapshot) -> Observed:
    """The world as the operator's own checks want it, as far as it was looked at from here."""
    ref, secret_ = seen.chat.spec.credentials.api_key_secret_ref, seen.secret
    live = seen.live
    return Observed(
        now=seen.now,
        policy=Policy(allowed_gateways=("*",)),
        defaults=Defaults(""),
        credential=credential_of(secret_, ref.key) if isinstance(secret_, dict) else secret_,
        prompt=None,
        key=live.key if live is not None and not isinstance(live.key, str) else None,
        catalogue=live.catalogue if live is not None and not isinstance(live.catalogue, str) else None,
        children=Children(),
    )


def _asked_by_the_operator(seen: Snapshot, type_: ConditionType, note: str) -> Finding:
    """The operator's word, and since when it stands; what says nothing against key and model does not stop the walk."""
    finding, said = by_condition(seen, type_, ""), seen.condition(type_)
    if said is None:
        return finding
    message = f"{finding.message} So since {said['lastTransitionTime']}.{note}"
    if finding.state is State.UNKNOWN and said["reason"] in _MAY_PASS:
        return warning(
            message, f"kubectl assistant revalidate {seen.name} -n {seen.namespace}", _revalidate(seen)
        )
    if type_ is ConditionType.CREDENTIALS_VALID and finding.state is State.OK:
        message += f" It is asked again every {seen.chat.spec.validation.interval_seconds} s."
    return Finding(finding.state, message, finding.cure)


def _slip_of_the_pen(seen: Snapshot) -> Finding | None:
    """What happens to keys on their way into a Secret: quotes that belonged to YAML, Base64 that was done twice."""
    ref, text = seen.chat.spec.credentials.api_key_secret_ref, seen.key_text.strip()
    plain = text.strip(_QUOTES).strip()
    what = "stands in quotes"
    if plain == text:
        plain, what = _decoded(text), "is encoded in Base64 twice: data wants it once, stringData not at all"
    if not plain.startswith("sk-or-") or plain == text or not is_sendable(plain):
        return None
    question = f"Put the key into the Secret {ref.name} without that (the same key, other entries stay)?"
    cure = (
        f"kubectl patch secret {ref.name} -n {seen.namespace} "
        f'-p \'{{"stringData":{{"{ref.key}":"\'$OPENROUTER_API_KEY\'"}}}}\''
    )
    return broken(
        f"The value of {ref.key!r} in the Secret {ref.name!r} {what}.",
        cure,
        Fix(question, SECRET, ref.name, {"stringData": {ref.key: plain}}),
    )


def is_sendable(text: str) -> bool:
    """Whether a text is one word of printable ASCII."""
    return text.isascii() and text.isprintable() and " " not in text


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode().strip()
    except (binascii.Error, ValueError):
        return text


def _is_without_credit(seen: Snapshot) -> bool:
    """Whether completions found the account empty, which the gateway does not tell who asks about the key."""
    said = seen.condition(ConditionType.CREDENTIALS_VALID)
    return said is not None and said["reason"] == Reason.INSUFFICIENT_CREDITS and not _is_another_key(seen)


def _is_another_key(seen: Snapshot) -> bool:
    """Whether the operator's word is of another key than the Secret's."""
    status, credential = seen.chat.status, observed(seen).credential
    told = status.credentials if status else None
    if told is None or told.subject is None or not isinstance(credential, Credential):
        return False
    return told.subject != credential.revision


def _revalidate(seen: Snapshot) -> Fix:
    question = f"Have Secret, key and model of {seen.name} checked at once?"
    return Fix(question, CHAT_ASSISTANT, seen.name, wish())


def may_be_sent(seen: Snapshot) -> bool:
    """Whether the key may go to the spec's gateway from here: to OpenRouter, or where the operator's policy allows.

    Who may write a ChatAssistant may not thereby have a key sent anywhere by who may read Secrets.
    """
    applied = seen.condition(ConditionType.APPLIED)
    allowed = applied is not None and applied["status"] == "True"
    return allowed or is_openrouter(seen.chat.spec.gateway.base_url)
