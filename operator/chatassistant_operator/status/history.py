"""The last roll-outs, so that "what changed before it broke" has an answer."""

from datetime import datetime
from typing import Final

from chatassistant_operator.api import names
from chatassistant_operator.api.reasons import ConditionType
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.api.v1alpha1 import Rollout as Entry
from chatassistant_operator.checks.rollout import Rollout
from chatassistant_operator.finding import Finding
from chatassistant_operator.observed import Manifest, annotation

_MOST: Final = 5


def history(
    assistant: ChatAssistant,
    rollout: Rollout,
    deployment: Manifest | None,
    going_on: tuple[Finding, ...],
    now: datetime,
) -> tuple[Entry, ...]:
    """The history with what this reconcile adds; it changes only when a condition does, so it costs no write of its own."""
    said = assistant.status.history if assistant.status else ()
    revision = annotation(deployment, names.REVISION_ANNOTATION)
    if deployment is None or revision is None or assistant.spec.suspend:
        return said
    if not said or said[0].revision != revision:
        begun = Entry(
            revision=revision,
            configuration=_configuration(deployment),
            model=assistant.spec.model.name,
            time=now,
            outcome="Progressing",
        )
        said = (begun, *map(_superseded, said))[:_MOST]
    newest = said[0]
    if rollout.complete and rollout.trouble is None:
        newest = newest.model_copy(update={"outcome": "Succeeded", "reason": None})
    elif newest.outcome == "Progressing" and rollout.trouble is not None and _stalled(going_on):
        newest = newest.model_copy(update={"outcome": "Failed", "reason": str(rollout.trouble.reason)})
    return (newest, *said[1:])


def _superseded(entry: Entry) -> Entry:
    return entry.model_copy(update={"outcome": "Superseded"}) if entry.outcome == "Progressing" else entry


def _stalled(going_on: tuple[Finding, ...]) -> bool:
    return any(each.type is ConditionType.STALLED for each in going_on)


def _configuration(deployment: Manifest) -> str:
    """The hash at the end of the name of the ConfigMap that the pods read."""
    volumes = deployment["spec"]["template"]["spec"].get("volumes", [])
    name = next((each["configMap"]["name"] for each in volumes if "configMap" in each), "")
    return str(name.rpartition("-")[2])
