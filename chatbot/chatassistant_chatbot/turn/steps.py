"""A turn, step by step: a state and what happened in, a state and what to do next out. No I/O, no clock.

A round is one completion that asks for tools of the servers'. They are run, their results are handed to the model, and
it is asked again, until it answers, until the caller's own tools are asked for, or until the rounds are used up: then
the tools are withheld, and the model is asked once more.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from chatassistant_chatbot.turn.answer import Answer, JsonObject, added, as_object
from chatassistant_chatbot.turn.opening import Opening

_MOST_CALLS: Final = 32
_LONGEST_NAME: Final = 64
_NO_ANSWER: Final = "I used up the tool calls that I may make for one question, and have no answer."


class ToolCall(NamedTuple):
    """A call of a tool that the model asks for; `problem` is what is wrong with it, None when it can be run."""

    id: str
    name: str
    arguments: str
    problem: str | None = None


class Ask(NamedTuple):
    """Ask the gateway; `body` is JSON without `stream`."""

    body: bytes


class Call(NamedTuple):
    """Run these tools of the servers', all at the same time."""

    calls: tuple[ToolCall, ...]


class Finish(NamedTuple):
    """The turn is over: this is for the caller.

    `unsaid` is what the caller does not get to see, but has to be put back when they come with the results of their
    own tools: the model's message as it was, and the results of the servers' tools.
    """

    answer: Answer
    unsaid: tuple[JsonObject, ...] = ()


Step = Ask | Call | Finish


class Turn(NamedTuple):
    """Where a turn stands.

    Attributes:
        models: Those that are left to be asked.
        said: The messages of this turn so far: what the model asked for, and what tools gave.
        rounds: How many completions asked for tools.
        usages: What each completion took.
        waiting: The answer whose tools are running.
    """

    opening: Opening
    models: tuple[str, ...]
    said: tuple[JsonObject, ...] = ()
    rounds: int = 0
    usages: tuple[JsonObject, ...] = ()
    waiting: Answer | None = None

    @property
    def withheld(self) -> bool:
        """Whether the model gets no tools any more."""
        return self.rounds >= self.opening.max_rounds

    @property
    def usage(self) -> JsonObject:
        """What all completions took."""
        return added(self.usages)

    def is_ours(self, name: object) -> bool:
        """Whether a called name is run here: everything but the caller's own tools, names that do not exist included."""
        own = (as_object(each.get("function")).get("name") for each in self.opening.own_tools)
        return not isinstance(name, str) or name not in own


def begin(opening: Opening) -> tuple[Turn, Ask]:
    """The first step."""
    turn = Turn(opening, opening.models)
    return turn, _ask(turn)


def model_gone(turn: Turn) -> tuple[Turn, Ask] | None:
    """The gateway has no such model: the next one is asked; None when there is none."""
    if not turn.models[1:]:
        return None
    turn = turn._replace(models=turn.models[1:])
    return turn, _ask(turn)


def answered(turn: Turn, answer: Answer) -> tuple[Turn, Step]:
    """The model answered."""
    if answer.usage:
        turn = turn._replace(usages=(*turn.usages, answer.usage))
    calls = [as_object(each) for each in answer.tool_calls] if turn.opening.functions else []
    if not calls or not any(turn.is_ours(as_object(each.get("function")).get("name")) for each in calls):
        return turn, Finish(answer.with_usage(turn.usage))
    if turn.withheld:
        return turn, Finish(_without_tools(turn, answer).with_usage(turn.usage))
    wellformed = _wellformed(calls, turn.rounds)
    message = {**answer.message, "role": "assistant", "tool_calls": wellformed}
    turn = turn._replace(rounds=turn.rounds + 1, waiting=answer.with_message(message, "tool_calls"))
    ours = [each for each in wellformed if turn.is_ours(each["function"]["name"])]
    running = tuple(_tool_call(turn, each, number) for number, each in enumerate(ours))
    return turn, Call(running)


def called(turn: Turn, results: Sequence[str]) -> tuple[Turn, Step]:
    """The tools gave their results, in the order in which they were asked for."""
    answer = turn.waiting
    if answer is None:
        raise ValueError("no tools were asked for")
    calls = [as_object(each) for each in answer.tool_calls]
    ours = [each for each in calls if turn.is_ours(each["function"]["name"])]
    told: list[JsonObject] = [
        {"role": "tool", "tool_call_id": each["id"], "content": result}
        for each, result in zip(ours, results, strict=True)
    ]
    turn = turn._replace(waiting=None, said=(*turn.said, answer.message, *told))
    theirs = [each for each in calls if each not in ours]
    if theirs:
        for_caller = answer.with_message({**answer.message, "tool_calls": theirs}, "tool_calls")
        return turn, Finish(for_caller.with_usage(turn.usage), unsaid=turn.said)
    return turn, _ask(turn)


def _ask(turn: Turn) -> Ask:
    return Ask(turn.opening.body(turn.models, turn.said, withhold=turn.withheld and turn.opening.uses_tools))


def _without_tools(turn: Turn, answer: Answer) -> Answer:
    """What is left of an answer that asks for tools again although it got none."""
    calls = [as_object(each) for each in answer.tool_calls]
    theirs = [each for each in calls if not turn.is_ours(as_object(each.get("function")).get("name"))]
    message = {name: value for name, value in answer.message.items() if name != "tool_calls"}
    if theirs:
        return answer.with_message({**message, "tool_calls": theirs}, "tool_calls")
    return answer.with_message({**message, "content": message.get("content") or _NO_ANSWER}, "stop")


def _wellformed(calls: Sequence[JsonObject], round_number: int) -> list[JsonObject]:
    """Calls as the gateway takes them back: each with an id of its own, a name and arguments."""
    seen: set[str] = set()
    made: list[JsonObject] = []
    for index, each in enumerate(calls):
        function = as_object(each.get("function"))
        call_id, name, arguments = each.get("id"), function.get("name"), function.get("arguments")
        if not isinstance(call_id, str) or not call_id or call_id in seen:
            call_id = f"call_{round_number}_{index}"
        seen.add(call_id)
        made.append(
            {
                "id": call_id,
                "type": "function",
                "function": {
                    "name": name if isinstance(name, str) and name else "unknown",
                    "arguments": arguments if isinstance(arguments, str) and arguments.strip() else "{}",
                },
            }
        )
    return made


def _tool_call(turn: Turn, call: JsonObject, number: int) -> ToolCall:
    name, problem = call["function"]["name"], None
    if name not in turn.opening.functions:
        problem = f"There is no tool called {name[:_LONGEST_NAME]}. Use only the tools that you were given."
    elif number >= _MOST_CALLS:
        problem = f"Not called: at most {_MOST_CALLS} calls are made at a time. Ask again for fewer."
    return ToolCall(call["id"], name, call["function"]["arguments"], problem)
