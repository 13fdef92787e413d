"""The end of the chain: a real question gets a real answer."""

from typing import Final

from chatassistant_operator.cli.doctor.finding import Finding, broken, ok, unknown
from chatassistant_operator.cli.doctor.snapshot import Snapshot

_ABOUT_THE_KEY: Final = frozenset({"assistant_misconfigured"})
_ABOUT_CREDIT: Final = frozenset({"assistant_out_of_credit"})
_ABOUT_THE_MODEL: Final = frozenset({"model_not_found"})


def question(seen: Snapshot) -> Finding:
    """The assistant answers, through a port-forward."""
    answer, name, namespace = seen.answer, seen.name, seen.namespace
    if not seen.may_ask:
        return unknown("No question was asked, as you wished.")
    if answer is None:
        return unknown("No question was asked yet.")
    if answer.problem is None:
        return ok(f"A question was answered in {answer.seconds:.1f} s.")
    if answer.may_not:
        return unknown(f"No question could be asked: {answer.problem}")
    if answer.code in _ABOUT_THE_KEY:
        cure = f"kubectl assistant doctor {name} -n {namespace} --live"
    elif answer.code in _ABOUT_CREDIT:
        # Neither /key nor the catalogue shows it: the operator learns of it from the pods, and says where to add some.
        cure = f"kubectl assistant status {name} -n {namespace}"
    elif answer.code in _ABOUT_THE_MODEL:
        cure = f"kubectl edit chat {name} -n {namespace}"
    else:
        cure = f"kubectl assistant logs {name} -n {namespace}"
    return broken(f"A question was not answered: {answer.problem}", cure)
