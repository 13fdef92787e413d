"""What a caller sees of a streamed turn in which tools are called: one stream, whatever number of completions it took."""

from chatassistant_chatbot.turn.answer import Answer, Collected, JsonObject, as_object
from chatassistant_chatbot.turn.steps import Finish

_HELD_BACK = frozenset({"tool_calls"})
_LONGEST_TEXT = 2000


class Relay:
    """Takes in the gateway's chunks, gives out the caller's.

    Text is handed on as it comes. Calls of tools, the reason to stop and the usage are kept until it is clear whose
    they are.
    """

    def __init__(self) -> None:
        self._round = Collected()
        self._frame: JsonObject = {}
        self._told: object = None

    def take(self, chunk: JsonObject) -> JsonObject | None:
        """The chunk as the caller gets it; None when there is nothing in it for them yet."""
        self._round.add(chunk)
        if not self._frame:
            self._frame = _frame(chunk)
        choices: object = chunk.get("choices")
        choice = as_object(choices[0]) if isinstance(choices, list) and choices else {}  # pyright: ignore[reportUnknownArgumentType]
        delta = {
            name: value for name, value in as_object(choice.get("delta")).items() if name not in _HELD_BACK
        }
        if not any(value for name, value in delta.items() if name != "role"):
            return None
        return self._chunk([{"index": 0, "delta": delta, "finish_reason": None}])

    def end_round(self) -> Answer:
        """What the chunks since the last end of a round add up to."""
        answer, self._round = self._round.answer(), Collected()
        self._told = answer.message.get("content")
        return answer

    def news(self, tool: str, server: str, state: str, **more: str) -> JsonObject:
        """A chunk that says what becomes of a tool; its empty `choices` disturb no OpenAI client.

        `more` are texts that say more of it, cut when they are long.
        """
        told = {name: text[:_LONGEST_TEXT] for name, text in more.items()}
        return {**self._chunk([]), "chatassistant": {"tool": tool, "server": server, "state": state, **told}}

    def end(self, finish: Finish) -> list[JsonObject]:
        """The last chunks: calls of the caller's own tools, the reason to stop, the usage of all rounds."""
        answer, chunks = finish.answer, list[JsonObject]()
        text = answer.message.get("content")
        if text and text != self._told:
            delta = {"role": "assistant", "content": text}
            chunks.append(self._chunk([{"index": 0, "delta": delta, "finish_reason": None}]))
        calls = [{**as_object(each), "index": index} for index, each in enumerate(answer.tool_calls)]
        if calls:
            delta = {"role": "assistant", "content": None, "tool_calls": calls}
            chunks.append(self._chunk([{"index": 0, "delta": delta, "finish_reason": None}]))
        chunks.append(
            self._chunk(
                [{"index": 0, "delta": {"content": ""}, "finish_reason": answer.finish_reason or "stop"}]
            )
        )
        if answer.usage:
            chunks.append({**self._chunk([]), "usage": answer.usage})
        return chunks

    def _chunk(self, choices: list[JsonObject]) -> JsonObject:
        return {**self._frame, "choices": choices}


def chunks_of(answer: Answer) -> list[JsonObject]:
    """An answer that came in one piece, as a stream tells it."""
    relay = Relay()
    message = {name: value for name, value in answer.message.items() if name != "tool_calls"}
    first = relay.take({**_frame(answer.content), "choices": [{"index": 0, "delta": message}]})
    relay.end_round()
    return [*([first] if first else []), *relay.end(Finish(answer))]


def _frame(content: JsonObject) -> JsonObject:
    """What all chunks of a stream have in common."""
    names = ("id", "created", "model", "provider")
    frame: JsonObject = {name: content[name] for name in names if name in content}
    return {**frame, "object": "chat.completion.chunk"}
