"""Every nasty script of the mock.  With one deployment the client sees a clear error, never an
answer that looks whole and is not; with two, it sees nothing of it before commit."""

import httpx
import pytest

from conftest import KEY
from sse import Stream
from weir import HELLO, model

# fault, status plain, status streamed (200: it is met after commit)
FAULTS = [
    ("close", 502, 502),
    ("reset", 502, 502),
    ("garbage", 502, 502),
    ("half_head", 502, 502),
    ("two_lengths", 502, 502),
    ("close_head", 502, 502),
    ("stall_head", 504, 504),
    ("stall_content", 504, 504),
    ("stall", 504, 200),
    ("cut", 502, 200),
    ("half_event", 502, 200),
    ("truncate", 502, 200),
    ("bad_chunk", 502, 200),
    ("bad_json", 502, 200),
    ("empty", 502, 502),
    ("nothing", 502, 502),
    ("error_200", 502, 502),
    ("error_first", 502, 502),
    ("error_mid", 502, 200),
]
PLAIN_ONLY = [("short", 502), ("long", 502)]
STREAM_ONLY = [("bare_end", 200)]


def ask(gw, name, stream=False, timeout=20, **more):
    """The status, and the body as far as it came; whether the connection broke."""
    body = {"model": name, "messages": HELLO, "stream": stream, **more}
    got = b""
    with gw.http.stream(
        "POST",
        gw.base + "/chat/completions",
        json=body,
        headers={"authorization": "Bearer " + KEY},
        timeout=timeout,
    ) as r:
        try:
            for piece in r.iter_raw():
                got += piece
        except httpx.HTTPError:
            return r, got, True
        return r, got, False


def check_error(r, body, status):
    assert r.status_code == status, body
    assert r.headers["content-type"].startswith("application/json")
    error = httpx.Response(200, content=body).json()["error"]
    assert error["type"] == "upstream_error"
    assert error["code"].startswith("upstream_")
    assert error["message"]


def check_broken_stream(body, whole_text, broke):
    s = Stream(body)
    assert not s.looks_complete, body[-500:]
    assert s.error is not None or broke
    if s.error is not None:
        assert s.error["code"].startswith("upstream_"), s.error
        assert s.error["message"]
    assert whole_text.startswith(s.text())
    assert not s.done


@pytest.mark.parametrize("fault,status", [(f, p) for f, p, _ in FAULTS] + PLAIN_ONLY)
def test_plain_with_one_deployment(gw, mock_a, fault, status):
    r, body, broke = ask(gw, model("a/m", fail=fault, tokens=6))
    assert not broke
    check_error(r, body, status)
    record = gw.access()[0]
    assert record["end"] == "upstream_error"
    assert record["status"] == str(status)


@pytest.mark.parametrize("fault,status", [(f, s) for f, _, s in FAULTS] + STREAM_ONLY)
def test_streamed_with_one_deployment(gw, mock_a, fault, status):
    r, body, broke = ask(gw, model("a/m", fail=fault, tokens=6), stream=True)
    if status == 200:
        assert r.status_code == 200
        check_broken_stream(body, mock_a.text(6), broke)
        assert len(mock_a.records()) == 1, "no second attempt after commit"
        assert gw.access()[0]["end"] in ("truncated", "upstream_error")
    else:
        assert not broke
        check_error(r, body, status)
        assert len(mock_a.records()) == 2, "tried again"


@pytest.mark.parametrize("fault", [f for f, _, s in FAULTS if s == 200] + ["bare_end"])
def test_streamed_and_broken_before_the_first_content(gw, fault):
    r, body, broke = ask(gw, model("a/m", fail=fault, tokens=0 if fault == "bare_end" else 6, at=0), stream=True)
    assert not broke
    assert r.status_code in (502, 504), body


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("fault", ["refuse"] + [f for f, _, _ in FAULTS])
def test_with_two_deployments_nobody_sees_it(gw, mock_a, mock_b, fault, stream):
    mock_a.script({"fail": fault, "tokens": 6, "at": 0, "times": 1 if fault == "refuse" else 5})
    r, body, broke = ask(gw, "two", stream=stream)
    assert r.status_code == 200, body
    assert not broke
    text = mock_b.text(16)
    if stream:
        s = Stream(body)
        assert s.done and s.finish == "stop" and s.error is None
        assert s.text() == text
    else:
        assert httpx.Response(200, content=body).json()["choices"][0]["message"]["content"] == text
    if fault != "refuse":  # a refused connection may be met on a kept one instead
        assert [x["model"] for x in mock_b.records()] == ["second"]
        assert gw.access()[0]["end"] == "complete"
        assert gw.access()[0]["tries"] == "2"


@pytest.mark.parametrize("fault", [f for f, _, s in FAULTS if s == 200])
def test_after_commit_there_is_no_failover(gw, mock_a, mock_b, fault):
    mock_a.script({"fail": fault, "tokens": 6})
    r, body, broke = ask(gw, "two", stream=True)
    check_broken_stream(body, mock_a.text(6), broke)
    assert mock_b.records() == []


# ---- odd, and yet right --------------------------------------------------------------------

LOOKS = [
    {"eol": "crlf"},
    {"eol": "cr"},
    {"comments": 3},
    {"comments": 2, "eol": "crlf"},
    {"bom": "on"},
    {"space": "off"},
    {"batch": 4},
    {"batch": 100},
    {"words": 3},
    {"split": 1},
    {"split": 7, "eol": "crlf", "comments": 1},
    {"fail": "no_done"},
    {"fail": "no_finish"},
    {"usage": "twice"},
    {"usage": "cumulative"},
    {"usage": "finish"},
    {"usage": "off"},
    {"keepalive": "100ms", "ttft": "450ms"},
    {"keepalive": "100ms", "ttft": "450ms", "eol": "crlf", "early_head": "on"},
    {"early_head": "on", "ttft": "200ms"},
    {"fail": "stall", "hold": "300ms"},
    {"fail": "stall_head", "hold": "300ms"},
    {"fail": "stall_content", "hold": "300ms"},
    {"keep_alive": "off"},
    {"close_after": 1},
    {"extra": "on"},
]


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: ",".join(f"{k}={v}" for k, v in look.items()))
def test_odd_streams_that_are_whole(gw, mock_a, look):
    tokens = 4 if "split" in look else 12  # a millisecond for each segment
    for _ in range(2):
        r, body, broke = ask(gw, model("a/m", tokens=tokens, **look), stream=True)
        assert r.status_code == 200, body
        assert not broke
        s = Stream(body)
        assert s.error is None
        assert s.done, "[DONE] is there, whether the provider said it or not"
        assert s.text() == mock_a.text(tokens)
    assert [x["end"] for x in gw.access(2)] == ["complete", "complete"]


@pytest.mark.parametrize(
    "look",
    [
        {"blank_lines": 5},
        {"keepalive": "100ms", "ttft": "450ms"},
        {"split": 1},
        {"early_head": "on", "ttft": "200ms"},
        {"fail": "stall", "hold": "300ms"},
        {"close_after": 1},
        {"keep_alive": "off"},
    ],
    ids=lambda look: ",".join(f"{k}={v}" for k, v in look.items()),
)
def test_odd_plain_answers_that_are_whole(gw, mock_a, look):
    for _ in range(2):
        r, body, broke = ask(gw, model("a/m", tokens=12, **look))
        assert r.status_code == 200 and not broke, body
        assert httpx.Response(200, content=body).json()["choices"][0]["message"]["content"] == mock_a.text(12)


@pytest.mark.parametrize("size", ["100k", "900k", "3m"])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_a_huge_event(gw, mock_a, size, stream):
    r, body, broke = ask(gw, model("a/m", fail="huge", size=size), stream=stream)
    assert r.status_code == 200 and not broke
    record = mock_a.record()
    text = Stream(body).text() if stream else httpx.Response(200, content=body).json()["choices"][0]["message"]["content"]
    assert len(text) == len(record["text"]) and text == record["text"]
    if stream:
        assert Stream(body).done


SHAPES = ["openai", "string", "array", "flat", "detail", "code", "errors", "fault", "base_resp", "numeric", "text", "html", "empty"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("status", [429, 500])
def test_errors_in_every_shape(gw, shape, status):
    r, body, _ = ask(gw, model("a/m", status=status, shape=shape, error_message="the words"))
    assert r.status_code == (429 if status == 429 else 502)
    error = httpx.Response(200, content=body).json()["error"]
    assert error["code"] == ("upstream_rate_limited" if status == 429 else "upstream_error")
    if shape not in ("html", "empty", "text"):
        assert "the words" in error["message"]
    assert "<html" not in error["message"]


@pytest.mark.parametrize("shape", ["openai", "string", "array", "flat", "base_resp", "numeric"])
def test_an_error_inside_a_200_in_every_shape(gw, shape):
    r, body, _ = ask(gw, model("a/m", fail="error_200", shape=shape, error_message="the words"))
    assert r.status_code >= 400, body
    assert "the words" in httpx.Response(200, content=body).json()["error"]["message"]


def test_a_slow_reader_of_the_request_still_gets_it(gw, mock_a):
    mock_a.script({"slow_read": "20ms"})
    text = "x" * 1000000
    r, _, _ = ask(gw, "a/m", messages=[{"role": "user", "content": text}])
    assert r.status_code == 200
    assert mock_a.record()["body_complete"]
