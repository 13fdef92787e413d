"""Switching the stand-in's behaviour while it runs, and what it tells of its callers."""

import json
import time

import httpx
import pytest

from chatassistant_operator.local.openrouter import Fault, StandIn
from chatassistant_operator.local.openrouter import situations as known
from chatassistant_operator.local.openrouter.errors import NAMED
from support.waiting import eventually_async

HELLO = {"model": "openrouter/free", "messages": [{"role": "user", "content": "Grüße an “alle”!"}]}
STREAM = {**HELLO, "stream": True}


async def test_every_named_error_has_openrouters_form(stand_in: StandIn, http: httpx.AsyncClient) -> None:
    for name in NAMED:
        await http.post(stand_in.control_url, json={"error": name, "times": 1})
        answer = await http.post("/chat/completions", json=HELLO)
        error = answer.json()["error"]
        assert error["code"] == answer.status_code >= 400, name
        assert error["message"], name
    assert (await http.post("/chat/completions", json=HELLO)).status_code == 200


async def test_a_used_up_day_tells_its_end_in_milliseconds(
    stand_in: StandIn, http: httpx.AsyncClient
) -> None:
    stand_in.faults.add(Fault(error="free_models_per_day"))
    answer = await http.post("/chat/completions", json=HELLO)
    reset = int(answer.headers["X-RateLimit-Reset"])
    assert time.time() < reset / 1000 <= time.time() + 86_400
    assert "Retry-After" not in answer.headers
    metadata = answer.json()["error"]["metadata"]
    assert metadata["headers"]["X-RateLimit-Reset"] == str(reset)
    assert metadata["limit_source"] == "openrouter_free_tier_daily"


async def test_an_outage_of_401_comes_and_goes(stand_in: StandIn, http: httpx.AsyncClient) -> None:
    await http.post(stand_in.control_url, json={"route": "/key", "status": 401})
    answer = await http.get("/key")
    assert (answer.status_code, answer.json()["error"]["message"]) == (401, "User not found.")
    assert (await http.get("/models")).status_code == 200

    await http.post(stand_in.control_url, json={"route": "/key", "status": 503})
    assert (await http.get("/key")).status_code == 503, "a lasting fault takes the other's place"

    await http.delete(f"{stand_in.control_url}/faults")
    assert (await http.get("/key")).status_code == 200
    assert stand_in.requests["GET /key"] == 3, "the counts stay"


async def test_the_newest_lasting_fault_counts(stand_in: StandIn, http: httpx.AsyncClient) -> None:
    for fault in (Fault(route="/key", status=401), Fault(status=503), Fault(route="/key", status=429)):
        stand_in.faults.add(fault)
    assert (await http.get("/key")).status_code == 429
    assert (await http.get("/models")).status_code == 503


async def test_faults_for_a_number_of_requests_come_first(stand_in: StandIn, http: httpx.AsyncClient) -> None:
    for fault in (Fault(status=429), Fault(status=500, times=2), Fault(status=502, times=1)):
        stand_in.faults.add(fault)
    assert [(await http.get("/key")).status_code for _ in range(5)] == [500, 500, 502, 429, 429]


@pytest.mark.parametrize("key", [known.FREE_TIER.name, known.FREE_TIER.token])
async def test_a_fault_of_one_key(stand_in: StandIn, http: httpx.AsyncClient, key: str) -> None:
    await http.post(stand_in.control_url, json={"key": key, "status": 401})
    await http.post(stand_in.control_url, json={"key": key, "route": "/models", "status": 503, "times": 1})
    theirs = {"Authorization": f"Bearer {known.FREE_TIER.token}"}
    assert (await http.get("/key", headers=theirs)).status_code == 401
    assert (await http.get("/key")).status_code == 200, "another key"
    assert (await http.get("/models", headers={"Authorization": ""})).status_code == 200, "no key"
    assert [(await http.get("/models", headers=theirs)).status_code for _ in range(2)] == [503, 401]


async def test_a_slow_answer_for_one_key_only(stand_in: StandIn, http: httpx.AsyncClient) -> None:
    stand_in.faults.add(Fault(key="free tier", black_hole=True))
    with pytest.raises(httpx.ReadTimeout):
        await http.get("/key", headers={"Authorization": f"Bearer {known.FREE_TIER.token}"}, timeout=0.2)
    assert (await http.get("/key")).status_code == 200


async def test_when_it_was_asked(stand_in: StandIn, http: httpx.AsyncClient) -> None:
    await http.get("/key")
    stand_in.faults.add(Fault(route="/models", delay_seconds=0.1))
    await http.get("/models")
    await http.get("/key")
    times = (await http.get(stand_in.control_url)).json()["times"]
    assert [route for _, route in times] == ["GET /key", "GET /models", "GET /key"]
    seconds = [each for each, _ in times]
    assert 0 <= seconds[0] <= seconds[1]
    assert seconds[2] - seconds[1] >= 0.1
    for _ in range(10_001):
        stand_in.times.append((0.0, "GET /models"))
    assert len((await http.get(stand_in.control_url)).json()["times"]) == 10_000
    await http.delete(stand_in.control_url)
    assert (await http.get(stand_in.control_url)).json()["times"] == []


async def test_a_200_with_an_error_and_any_body(stand_in: StandIn, http: httpx.AsyncClient) -> None:
    stand_in.faults.add(Fault(error="bad_gateway", status=200, times=1))
    answer = await http.post("/chat/completions", json=HELLO)
    assert (answer.status_code, answer.json()["error"]["code"]) == (200, 502)

    stand_in.faults.add(Fault(status=502, body="<html>Bad gateway</html>", times=1))
    answer = await http.post("/chat/completions", json=HELLO)
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html; charset=utf-8")

    stand_in.faults.add(Fault(body={}, times=1))
    assert (await http.post("/chat/completions", json=HELLO)).json() == {}

    stand_in.faults.add(Fault(leading_newlines=True, times=1))
    answer = await http.post("/chat/completions", json=HELLO)
    assert answer.text.startswith("\n")
    assert answer.json()["choices"]


async def test_a_stream_that_is_cut(stand_in: StandIn, http: httpx.AsyncClient) -> None:
    stand_in.faults.add(Fault(cut_after=2))
    lines: list[str] = []
    async with http.stream("POST", "/chat/completions", json=STREAM) as response:
        with pytest.raises(httpx.RemoteProtocolError):
            lines.extend([line async for line in response.aiter_lines() if line.startswith("data")])
    assert "[DONE]" not in "".join(lines)
    assert stand_in.hang_ups == 0, "it was not the caller"


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("code", [502, "server_error"])
async def test_an_error_in_mid_stream(
    stand_in: StandIn, http: httpx.AsyncClient, code: int | str, done: bool
) -> None:
    stand_in.faults.add(Fault(error_after=2, error_code=code, done_after_error=done))
    response = await http.post("/chat/completions", json=STREAM)
    data = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data")]
    assert (response.status_code, len(data)) == (200, 4 if done else 3)
    chunk = json.loads(data[2])
    assert chunk["error"]["code"] == code
    assert chunk["choices"][0]["finish_reason"] == "error"


async def test_the_other_form_of_usage(stand_in: StandIn, http: httpx.AsyncClient) -> None:
    stand_in.faults.add(Fault(usage_in_delta=True))
    data = (await http.post("/chat/completions", json=STREAM)).text.split("data: ")
    chunk = json.loads(data[-2])
    assert chunk["usage"]["total_tokens"]
    assert chunk["choices"][0]["delta"] == {"role": "assistant", "content": ""}


async def test_characters_are_split(stand_in: StandIn, http: httpx.AsyncClient) -> None:
    stand_in.faults.add(Fault(split_bytes=True))
    async with http.stream("POST", "/chat/completions", json=STREAM) as response:
        pieces = [piece async for piece in response.aiter_raw()]
    assert b"".join(pieces).decode().endswith("data: [DONE]\n\n")

    def is_whole(piece: bytes) -> bool:
        try:
            piece.decode()
        except UnicodeDecodeError:
            return False
        return True

    assert not all(is_whole(piece) for piece in pieces)


@pytest.mark.parametrize(
    ("fault", "body"),
    [
        (Fault(token_seconds=60), STREAM),
        (Fault(black_hole=True), HELLO),
        (Fault(delay_seconds=60), HELLO),
    ],
    ids=["a slow stream", "a black hole", "a slow answer"],
)
async def test_a_caller_who_hangs_up_is_noticed(
    stand_in: StandIn, http: httpx.AsyncClient, fault: Fault, body: dict[str, object]
) -> None:
    stand_in.faults.add(fault)
    with pytest.raises(httpx.ReadTimeout):
        await http.post("/chat/completions", json=body, timeout=0.2)

    async def noticed() -> bool:
        hang_ups: int = (await http.get(stand_in.control_url)).json()["hang_ups"]
        return hang_ups == 1

    await eventually_async(noticed, "the hang-up is counted", timeout=5)


async def test_a_slow_stream_has_comments(stand_in: StandIn, http: httpx.AsyncClient) -> None:
    stand_in.faults.add(Fault(token_seconds=0.001))
    text = (await http.post("/chat/completions", json=STREAM)).text
    assert text.count(": OPENROUTER PROCESSING\n\n") == text.count("data: ")


async def test_what_it_remembers_has_no_key(stand_in: StandIn, http: httpx.AsyncClient) -> None:
    body = {**HELLO, "user": known.ACCEPTED.token}
    headers = {"authorization": f"Bearer {known.ACCEPTED.token}", "X-Odd": known.ACCEPTED.token}
    await http.post("/chat/completions", json=body, headers=headers)
    await http.get("/models", headers={"authorization": "Bearer foreign-value"})
    await http.get("/models", headers={"Authorization": ""})

    told = (await http.get(stand_in.control_url)).json()
    assert told["requests"] == {"POST /chat/completions": 1, "GET /models": 2}
    assert told["keys"] == {"accepted": 1, "foreign": 1, "none": 1}
    assert told["models"] == {"openrouter/free": 1}
    assert told["log"][0]["body"] == {**HELLO, "user": "sk-or-***"}
    assert known.ACCEPTED.token not in str(told)
    assert "foreign-value" not in str(told)

    await http.delete(stand_in.control_url)
    assert (await http.get(stand_in.control_url)).json()["requests"] == {}


@pytest.mark.parametrize("body", ['{"eror": "internal"}', '{"error": "no_such"}', '{"times": -1}', "{"])
async def test_a_fault_that_it_does_not_know(stand_in: StandIn, http: httpx.AsyncClient, body: str) -> None:
    answer = await http.post(stand_in.control_url, content=body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["msg"]
