"""What `status` says is to be done, with names in the place of NAME, NAMESPACE and SECRET."""

import re

import pytest

from chatassistant_operator.api.guide import GUIDE
from chatassistant_operator.api.reasons import Awaits, ConditionType, Reason
from chatassistant_operator.cli.cures import cures
from support.conditions import condition, judged, wrong


def test_what_is_well_needs_no_cure() -> None:
    assert cures(judged(condition("Ready"))) == {}


@pytest.mark.parametrize("reason", [each for each in GUIDE if each.awaits in {Awaits.EDIT, Awaits.ARRIVAL}])
def test_each_reason_has_a_cure_that_names_what_it_is_about(reason: Reason) -> None:
    told = cures(wrong(reason, ConditionType.STALLED))
    # A prompt's ConfigMap is named in the message.
    assert len(told) == (reason is not Reason.PROMPT_NOT_FOUND), "one reason is cured once"
    assert not any(re.search(r"\b(NAME|NAMESPACE|SECRET)\b", words) for words in told.values())


def test_another_secret_than_the_keys_is_named_in_the_message() -> None:
    applied = condition("Applied", "False", Reason.SECRET_NOT_FOUND)
    assert cures(judged(condition("Ready", "False", Reason.SECRET_NOT_FOUND), applied)) == {}
