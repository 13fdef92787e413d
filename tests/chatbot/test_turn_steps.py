"""A turn as a table of situations: what the gateway and the tools say, and what is done next."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from chatassistant_chatbot.errors import CallerError
from chatassistant_chatbot.settings import Configuration
from chatassistant_chatbot.turn import (
    Answer,
    Ask,
    Call,
    Finish,
    Opening,
    Step,
    Turn,
    answered,
    begin,
    called,
    model_gone,
    open_turn,
    read,
)
from chatassistant_chatbot.turn.relay import Relay, chunks_of

LIST = {"type": "function", "function": {"name": "todo__list", "parameters": {"type": "object"}}}
ADD = {"type": "function", "function": {"name": "todo__add", "parameters": {"type": "object"}}}
CLOCK = {"type": "function", "function": {"name": "clock", "parameters": {}}}
USAGE = {
    "prompt_tokens": 3,
    "completion_tokens": 2,
    "cost": 0.5,
    "prompt_tokens_details": {"cached_tokens": 1},
}


def opening(own: Sequence[Any] = (), functions: Sequence[Any] = (LIST, ADD), rounds: int = 8) -> Opening:
    servers = [{"name": "todo", "url": "http://todo/mcp"}]
    content = {
        "model": {"name": "a/main", "fallbacks": ["a/two", "a/three"]},
        "tools": {"mcpServers": servers, "maxRounds": rounds},
    }
    request = {"messages": [{"role": "user", "content": "Hello"}], "tools": list(own)}
    settings = Configuration.model_validate_json(json.dumps(content))
    return open_turn(settings, read(json.dumps(request).encode()), functions)


def call(name: Any, arguments: Any = "{}", call_id: Any = "call_1") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def answer(content: str | None = None, calls: Any = None, finish: str | None = None, **more: Any) -> Answer:
    message: dict[str, Any] = {"role": "assistant", "content": content, **more}
    if calls is not None:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "finish_reason": finish or ("tool_calls" if calls else "stop")}
    return Answer({"id": "gen-1", "model": "a/main", "choices": [choice], "usage": USAGE})


def sent(step: Step) -> dict[str, Any]:
    assert isinstance(step, Ask), step
    content: dict[str, Any] = json.loads(step.body)
    return content


def after(answers: Sequence[Answer], **how: Any) -> tuple[Turn, Step]:
    """Where a turn stands after these answers; each tool gave 'done: its arguments'."""
    turn, step = begin(opening(**how))
    for each in answers:
        assert isinstance(step, Ask)
        turn, step = answered(turn, each)
        if isinstance(step, Call) and each is not answers[-1]:
            turn, step = called(turn, [f"done: {one.arguments}" for one in step.calls])
    return turn, step


@pytest.mark.parametrize(
    ("calls", "run"),
    [
        ([call("todo__list")], [("todo__list", "{}", None)]),
        (
            [call("todo__list"), call("todo__add", '{"a": 1}', "call_2")],
            [("todo__list", "{}", None), ("todo__add", '{"a": 1}', None)],
        ),
        ([call("todo__list", "")], [("todo__list", "{}", None)]),
        ([call("todo__list", None)], [("todo__list", "{}", None)]),
        ([call("todo__list", {"a": 1})], [("todo__list", "{}", None)]),
        ([call("todo__list", "{oops")], [("todo__list", "{oops", None)]),
        ([call("nobody")], [("nobody", "{}", "There is no tool called nobody")]),
        ([call(None)], [("unknown", "{}", "There is no tool called unknown")]),
        ([call("")], [("unknown", "{}", "There is no tool called unknown")]),
        (["nonsense"], [("unknown", "{}", "There is no tool called unknown")]),
        ([{}], [("unknown", "{}", "There is no tool called unknown")]),
        ([None, call("todo__list")], [("unknown", "{}", "There is no tool"), ("todo__list", "{}", None)]),
    ],
    ids=str,
)
def test_calls_of_tools(calls: list[Any], run: list[tuple[str, str, str | None]]) -> None:
    turn, step = after([answer(None, calls)])
    assert isinstance(step, Call)
    assert [(each.name, each.arguments) for each in step.calls] == [(name, text) for name, text, _ in run]
    for each, (_, _, problem) in zip(step.calls, run, strict=True):
        assert (problem is None) == (each.problem is None)
        assert (problem or "") in (each.problem or "")
    turn, step = called(turn, [f"result {number}" for number in range(len(run))])
    _, _, asked, *results = sent(step)["messages"]
    assert [each["id"] for each in asked["tool_calls"]] == [each["tool_call_id"] for each in results]
    assert len({each["tool_call_id"] for each in results}) == len(run)
    assert [each["content"] for each in results] == [f"result {number}" for number in range(len(run))]


@pytest.mark.parametrize("calls", [None, [], "nonsense", {}], ids=str)
def test_an_answer_that_calls_nothing_is_the_answer(calls: Any) -> None:
    _, step = after([answer("Hi", calls, "stop")])
    assert isinstance(step, Finish)
    assert step.answer.message["content"] == "Hi"


def test_calls_count_whatever_the_reason_to_stop_says() -> None:
    _, step = after([answer(None, [call("todo__list")], "stop")])
    assert isinstance(step, Call)


def test_equal_ids_are_told_apart() -> None:
    _, step = after([answer(None, [call("todo__list"), call("todo__add"), call("todo__add", call_id=7)])])
    assert isinstance(step, Call)
    assert len({each.id for each in step.calls}) == 3


def test_more_calls_than_anybody_needs_are_not_made() -> None:
    _, step = after([answer(None, [call("todo__list", call_id=f"c{number}") for number in range(40)])])
    assert isinstance(step, Call)
    assert [each.problem is None for each in step.calls] == [True] * 32 + [False] * 8


def test_the_next_round_has_the_tools_again_and_all_that_was_said() -> None:
    details = [{"type": "reasoning.text", "text": "Hm", "signature": "x"}]
    first = answer("Let me look.", [call("todo__list")], reasoning_details=details)
    turn, step = after([first])
    turn, step = called(turn, ["milk"])
    content = sent(step)
    assert content["tools"] == [LIST, ADD]
    assert "tool_choice" not in content
    assert content["messages"][2] == {**first.message, "tool_calls": [call("todo__list")]}
    assert content["messages"][3] == {"role": "tool", "tool_call_id": "call_1", "content": "milk"}
    turn, step = answered(turn, answer("You need milk."))
    assert isinstance(step, Finish)
    assert step.answer.message["content"] == "You need milk."
    assert step.answer.usage == {
        "prompt_tokens": 6,
        "completion_tokens": 4,
        "cost": 1.0,
        "prompt_tokens_details": {"cached_tokens": 2},
    }


def test_after_the_last_round_tools_are_withheld_and_the_model_is_asked_once_more() -> None:
    asks = [answer(None, [call("todo__list", call_id=f"c{number}")]) for number in range(2)]
    turn, step = after([*asks, answer(None, [call("todo__add", call_id="c9")])], rounds=2)
    assert isinstance(step, Finish), "a model that calls on all the same gets no more rounds"
    assert step.answer.finish_reason == "stop"
    assert "used up" in step.answer.message["content"]
    assert not step.answer.tool_calls
    turn, step = after(asks, rounds=2)
    _, step = called(turn, ["x"])
    assert (sent(step)["tool_choice"], sent(step)["tools"]) == ("none", [LIST, ADD])


def test_calls_of_the_callers_own_tools_are_handed_to_the_caller() -> None:
    _, step = after([answer(None, [call("clock")])], own=[CLOCK])
    assert isinstance(step, Finish)
    assert (step.answer.tool_calls, step.answer.finish_reason) == ([call("clock")], "tool_calls")
    assert step.unsaid == ()


def test_where_both_kinds_are_called_the_servers_ones_run_first() -> None:
    both = answer("Both.", [call("clock", call_id="mine"), call("todo__list", call_id="theirs")])
    turn, step = after([both], own=[CLOCK])
    assert isinstance(step, Call)
    assert [each.id for each in step.calls] == ["theirs"]
    _, step = called(turn, ["milk"])
    assert isinstance(step, Finish)
    assert [each["id"] for each in step.answer.message["tool_calls"]] == ["mine"]
    assert step.unsaid == (
        both.message,
        {"role": "tool", "tool_call_id": "theirs", "content": "milk"},
    )


def test_without_tools_of_servers_an_answer_is_handed_on_as_it_is() -> None:
    odd = answer(None, [call("clock"), call("nobody")])
    _, step = after([odd], own=[CLOCK], functions=[])
    assert step == Finish(odd)


@pytest.mark.parametrize(
    ("own", "param"),
    [([LIST], "tools"), ("nonsense", "tools"), ([1], "tools")],
    ids=str,
)
def test_tools_that_are_none_or_clash_are_refused(own: Any, param: str) -> None:
    with pytest.raises(CallerError) as raised:
        opening(own=own)
    assert (raised.value.status, raised.value.body()["error"]["param"]) == (400, param)


def test_a_model_that_is_gone_is_followed_by_the_next_one() -> None:
    turn, step = begin(opening())
    assert (sent(step)["model"], sent(step)["models"]) == ("a/main", ["a/two", "a/three"])
    following = model_gone(turn)
    assert following is not None
    turn, step = following
    assert (sent(step)["model"], sent(step)["models"]) == ("a/two", ["a/three"])
    following = model_gone(turn)
    assert following is not None
    turn, step = following
    assert "models" not in sent(step)
    assert model_gone(turn) is None


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {
        "id": "gen-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": choices,
        **more,
    }


def test_a_relay_hands_on_text_and_keeps_the_rest() -> None:
    relay = Relay()
    pieces = [
        chunk({"role": "assistant", "content": "Let me "}),
        chunk({"content": "look."}),
        chunk(
            {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "todo__list", "arguments": ""}}]}
        ),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]}),
        chunk({"tool_calls": [{"index": 1, "id": "c2", "function": {"name": "todo__add"}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}),
        chunk({"content": ""}, "tool_calls"),
        {"id": "gen-1", "choices": [], "usage": USAGE},
    ]
    given = [relay.take(piece) for piece in pieces]
    assert [each["choices"][0]["delta"].get("content") for each in given if each] == ["Let me ", "look."]
    collected = relay.end_round()
    assert (collected.message["content"], collected.finish_reason) == ("Let me look.", "tool_calls")
    assert collected.usage == USAGE
    assert [(each["id"], each["function"]) for each in collected.message["tool_calls"]] == [
        ("c1", {"name": "todo__list", "arguments": '{"a":1}'}),
        ("c2", {"name": "todo__add", "arguments": ""}),
    ]


def test_a_relay_is_one_stream_over_all_rounds() -> None:
    relay = Relay()
    relay.take(chunk({"content": "One "}, id="gen-1"))
    relay.end_round()
    second = relay.take(chunk({"content": "two."}, id="gen-2"))
    assert second is not None
    assert second["id"] == "gen-1"
    relay.take(chunk({"content": ""}, "stop"))
    *_, reason, usage = relay.end(Finish(relay.end_round().with_usage(USAGE)))
    assert reason["choices"][0]["finish_reason"] == "stop"
    assert (usage["choices"], usage["usage"]) == ([], USAGE)
    assert relay.news("list", "todo", "running") == {
        "id": "gen-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [],
        "chatassistant": {"tool": "list", "server": "todo", "state": "running"},
    }


def test_an_answer_in_one_piece_becomes_a_stream_that_adds_up_to_it() -> None:
    whole = answer("Hi", [call("clock")])
    relay = Relay()
    for each in chunks_of(whole):
        relay.take(each)
    again = relay.end_round()
    assert again.message == {**whole.message, "tool_calls": [call("clock")]}
    assert (again.finish_reason, again.usage) == ("tool_calls", USAGE)
