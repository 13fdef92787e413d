"""The chatbot's last word: what it leaves as its termination message, one word of a fixed list and never free text."""

from typing import Final

EXPLANATIONS: Final = {
    "ConfigurationMissing": "It found no configuration: its ConfigMap is gone; the operator makes it anew.",
    "ConfigurationInvalid": (
        "It does not understand its configuration: image and operator are of different versions. Remove spec.image, or "
        "name the image of the operator's version."
    ),
    "ApiKeyMissing": "It found no API key: put one into the Secret that spec.credentials.apiKeySecretRef names.",
    "ApiKeyMalformed": "What it was given is no API key: put one into the Secret of spec.credentials.apiKeySecretRef.",
    "AccessTokenMissing": "It found no access token: put one into the Secret that spec.access.tokenSecretRef names.",
    "StoreUrlMissing": "It found no URL of its store: put one into the Secret that spec.store.urlSecretRef names.",
    "AddressInUse": "Its port is taken: something else in the pod listens on 8080 or 9090.",
    "InternalError": "It met a defect of its own: `kubectl logs --previous` has the details; please report them.",
}


def explained(word: str) -> str | None:
    """What the chatbot's last word means and what to do; None for whatever is not on the list."""
    return EXPLANATIONS.get(word)
