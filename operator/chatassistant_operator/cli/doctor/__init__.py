"""The chain from a kubeconfig to an answer: each link is one small pure function over what was gathered.

The walk stops at the first link that is broken: what comes after it follows from it, and would only distract. A new link
is one function in the file of its concern, and one line here.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from chatassistant_operator.cli.doctor import cluster, credentials, network, question, workload
from chatassistant_operator.cli.doctor.finding import Finding, State
from chatassistant_operator.cli.doctor.snapshot import Snapshot


class Link(NamedTuple):
    """A link: its name for programs, what it is called, and what looks at it."""

    name: str
    title: str
    look: Callable[[Snapshot], Finding]


QUESTION: Final = Link("Question", "Question", question.question)

CHAIN: Final = (
    Link("ApiServer", "API server", cluster.api_server),
    Link("Crd", "CRD", cluster.definition),
    Link("Assistant", "ChatAssistant", cluster.assistant_is_there),
    Link("YourRights", "Your rights", cluster.users_rights),
    Link("Operator", "Operator", cluster.operator_runs),
    Link("OperatorRights", "Operator's rights", cluster.operators_rights),
    Link("Spec", "Spec and policy", cluster.spec_is_applied),
    Link("Secret", "Secret", credentials.secret),
    Link("Key", "Key", credentials.key),
    Link("Model", "Model", credentials.model),
    Link("NetworkPolicy", "NetworkPolicy", network.network_policy),
    Link("Dns", "DNS and gateway", network.name_resolution),
    Link("Image", "Image", workload.image),
    Link("Pods", "Pods", workload.pods),
    Link("KeyInPods", "Key in the pods", workload.key_in_the_pods),
    Link("Tools", "Tools", workload.tools),
    QUESTION,
)


class Looked(NamedTuple):
    """A link and what was found there."""

    link: Link
    finding: Finding


def walk(seen: Snapshot) -> Iterator[Looked]:
    """Look at every link up to the first broken one; those behind it are not looked at."""
    at = None
    for link in CHAIN:
        if at is not None:
            yield Looked(link, Finding(State.NOT_LOOKED_AT, f"Not looked at: {at} comes first."))
            continue
        finding = link.look(seen)
        yield Looked(link, finding)
        if finding.state is State.BROKEN:
            at = link.title
