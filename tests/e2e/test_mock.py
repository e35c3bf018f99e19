"""The simulator itself, as a program and by its control; what its parts do is in tests/unit/mock.c."""

import base64
import json
import time

import pytest

from weir import HELLO, Mock, model, run


def ask(m, name="m", **more):
    return m.http.post(m.base + "/chat/completions", json={"model": name, "messages": HELLO, **more})


def test_a_wrong_option_is_told():
    r = run("mock", "--tokns", "5")
    assert r.returncode == 2 and 'did you mean "tokens"?' in r.stdout
    r = run("mock", "--ttft", "5")
    assert r.returncode == 2 and "20ms" in r.stdout
    r = run("mock", "--listen", "nowhere:x")
    assert r.returncode == 2


def test_the_help_lists_the_faults():
    out = run("mock", "--help").stdout
    for word in ("--ttft", "--error-rate", "half_event", "stall", "--retry-after"):
        assert word in out


@pytest.fixture
def own():
    started = []

    def new(*args):
        started.append(Mock(*args))
        return started[-1]

    yield new
    for m in started:
        m.check()
        m.stop()


def test_runs_with_one_seed_repeat(own):
    def run_once(seed):
        m = own("--seed", str(seed), "--error-rate", "0.4", "--tokens", "1..50", "--vary", "on")
        return [(r.status_code, r.content) for r in (ask(m) for _ in range(15))]

    first = run_once(7)
    assert first == run_once(7)
    assert first != run_once(8)
    assert {200, 500} == {status for status, _ in first}


def test_delays_are_what_they_say(own):
    m = own("--ttft", "150ms", "--gap", "20ms")
    for stream in (True, False):
        began = time.monotonic()
        r = ask(m, model("m", tokens=11), stream=stream)
        took = time.monotonic() - began
        assert r.status_code == 200
        assert (0.34 if stream else 0.15) <= took < 2


def test_records_are_exact(mock):
    body = b'{ "model":"m?tokens=3" ,"messages":[{"role":"user","content":"\xc3\xa9"}], "x":1.0}'
    r = mock.http.post(mock.base + "/chat/completions", content=body, headers={"X-A": "b c", "authorization": "Bearer sk-0123456789"})
    record = mock.record()
    assert record["body"] == body == base64.b64decode(record["body_b64"])
    assert record["header"]["x-a"] == "b c"
    assert record["header"]["authorization"] == "***6789"
    assert record["text"] == r.json()["choices"][0]["message"]["content"]
    assert record["completion_tokens"] == r.json()["usage"]["completion_tokens"] == 3
    assert record["prompt_tokens"] == r.json()["usage"]["prompt_tokens"]
    assert (record["end"], record["usage_sent"], record["finish_sent"]) == ("complete", True, True)


def test_a_stream_that_breaks_is_recorded_as_far_as_it_went(mock):
    r = ask(mock, model("m", tokens=10, fail="truncate", at=4), stream=True)
    record = mock.record()
    got = "".join(
        json.loads(line[6:])["choices"][0]["delta"].get("content", "")
        for line in r.text.splitlines()
        if line.startswith("data: {")
    )
    assert record["text"][: record["text_sent"]] == got
    assert (record["end"], record["fault"], record["finish_sent"], record["usage_sent"]) == ("fault", "truncate", False, False)


def test_options_and_scripts_over_http(own):
    m = own()
    m.options("tokens=2&text=always this")
    assert ask(m).json()["choices"][0]["message"]["content"] == "always this"
    m.script("status=418", {"status": 503, "times": 2})
    assert [ask(m).status_code for _ in range(4)] == [418, 503, 503, 200]
    assert m.http.post(m.url + "/mock/options", content="tokens=x").status_code == 400
    assert "did you mean" in m.http.post(m.url + "/mock/script", content='["fale=x"]').text
