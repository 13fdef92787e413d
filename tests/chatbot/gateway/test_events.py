"""Server-sent events against the HTML standard, written down once more and slowly."""

import re
import time
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chatassistant_chatbot.errors import GatewayError
from chatassistant_chatbot.events import Splitter, data_of, has_data, is_comment, is_done
from support.raw_gateway import DONE, event

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINES = [
    b"data: {}", b"data:1", b"data", b"data: [DONE]", b"data:  a b ", "data: ü€😀".encode(), b"data: \xff\xfe",
    b"data: \x00", b": comment", b":", b"event: message", b"id: 7", b"id: \x00", b"retry: 10", b"unknown: x", b" data: x",
    b"dat", b"\xef\xbb\xbfdata: x", b"data: " + b"x" * 300,
]  # fmt: skip
_ENDS = [b"\n", b"\r\n", b"\r"]
texts = st.builds(
    lambda mark, lines, rest: mark + b"".join(line + end for line, end in lines) + rest,
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
    st.lists(st.tuples(st.sampled_from([*_LINES, b"", b"", b""]), st.sampled_from(_ENDS)), max_size=12),
    st.sampled_from([b"", b"data: cut", b"dat", b": com", b"data: [DONE]", b"\xc3"]),
)


def standard(text: bytes) -> list[bytes]:
    """The data of each event, by the steps of section 9.2.6 of the HTML standard."""
    found: list[bytes] = []
    data: list[bytes] = []
    *lines, cut = re.split(rb"\r\n|\n|\r", text.removeprefix(BYTE_ORDER_MARK))
    for line in [*lines, cut] if cut else lines:
        if not line:
            found.append(bare(b"\n".join(data)))
            data = []
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value)
    # Without an empty line after it, an event is not whole. The mark for the end is: some gateways forget that line.
    last = bare(b"\n".join(data))
    return [*filter(None, found), *([last] if last == b"[DONE]" else [])]


def bare(data: bytes) -> bytes:
    """Without what is nothing in JSON."""
    return b"\n".join(filter(None, (line.strip() for line in data.split(b"\n"))))


def fed(text: bytes, sizes: list[int]) -> list[bytes]:
    """What comes out when the text arrives in pieces of these sizes, again and again."""
    splitter, out, at = Splitter(), list[bytes](), 0
    for size in sizes * (len(text) + 1):
        if at >= len(text):
            break
        out += splitter.feed(text[at : at + size])
        at += size
    return out + splitter.end()


@settings(max_examples=500)
@given(texts, st.lists(st.integers(1, 9), min_size=1, max_size=4))
@example(b"\xef\xbb\xbfdata: x\r\n\r\n", [1])
@example(b"data: x\r\rdata: y\r\n\rdata: z\n\r\n", [1])
@example(b"data: a\n\n\n\n\ndata: b\n\n", [1])
def test_events_are_those_of_the_standard(text: bytes, sizes: list[int]) -> None:
    out = fed(text, sizes)
    assert [data for each in out if (data := bare(data_of(each)))] == standard(text)
    assert out == fed(text, [len(text) or 1]), "the pieces make no difference"
    if BYTE_ORDER_MARK not in text:
        assert fed(b"".join(out), [3]) == out, "what is cut once stays as it is"
    for each in out:
        assert each.endswith(b"\n\n")
        assert b"\n\n" not in each.rstrip(b"\n")
        assert b"\r" not in each
        assert has_data(each) == bool(data_of(each))


def test_a_stream_cut_anywhere_in_two_and_in_three() -> None:
    for line_end in (b"\n", b"\r\n", b"\r"):
        text = (b"\xef\xbb\xbf" + event("Grüße") + b": c\n\n" + event("2") + DONE).replace(b"\n", line_end)
        right = [event("Grüße"), b": c\n\n", event("2"), DONE]
        for first, second in product(range(len(text) + 1), repeat=2):
            splitter = Splitter()
            begin, end = min(first, second), max(first, second)
            out = [
                each for piece in (text[:begin], text[begin:end], text[end:]) for each in splitter.feed(piece)
            ]
            assert out + splitter.end() == right, (line_end, begin, end)


def test_an_event_is_told_as_soon_as_it_is_whole() -> None:
    splitter = Splitter()
    for text in (b"data: 1\n\n", b"data: 2\r\n\r", b"data: 3\r\r", b"data: 4\n\r"):
        assert len(splitter.feed(text)) == 1, text


@pytest.mark.parametrize(
    ("text", "data", "done", "comment"),
    [
        (b"data: {}\n\n", b"{}", False, False),
        (b"data:{\ndata: }\n\n", b"{\n}", False, False),
        (b"event: x\nid: 1\ndata: 1\nretry: 3\n\n", b"1", False, False),
        (b"data: [DONE]\n\n", b"[DONE]", True, False),
        (b"event: x\ndata:[DONE] \n\n", b"[DONE]", True, False),
        (b'data: {"content": "[DONE]"}\n\n', b'{"content": "[DONE]"}', False, False),
        (b": data: 1\n\n", b"", False, True),
        (b":\n\n", b"", False, True),
        (b": a\n: b\n\n", b"", False, False),
        (b": a\nevent: ping\n\n", b"", False, False),
        (b"event: ping\n\n", b"", False, False),
        (b"data:\n\n", b"", False, False),
        (b"data: \ndata:\n\n", b"", False, False),
        (b": a\ndata: 1\n\n", b"1", False, False),
    ],
)
def test_what_an_event_is(text: bytes, data: bytes, done: bool, comment: bool) -> None:
    assert (data_of(text), is_done(text), is_comment(text)) == (data, done, comment)


def test_an_event_without_end_is_given_up_and_a_large_one_is_not_slow() -> None:
    large = b"data: " + b"x" * (4 * 1024 * 1024 - 100)
    started = time.process_time()
    assert fed(large + b"\n\n", [1024]) == [large + b"\n\n"]
    assert time.process_time() - started < 1
    with pytest.raises(GatewayError, match="without end"):
        fed(large + b"x" * 200, [65536])
