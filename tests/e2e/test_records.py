"""What is written down: one access record per exchange, in two formats, and no secret."""

import json

import pytest

from conftest import KEY, UPSTREAM_KEY
from weir import HELLO, model, wait_for

SECRET = "the-prompt-that-nobody-may-see"

FIELDS = {
    "id", "endpoint", "dialect", "model", "key", "status", "end", "stream", "provider", "upstream_model", "tries",
    "attempts", "ttft_ms", "took_ms", "bytes_in", "bytes_out", "input", "cache_read", "cache_write",
    "cache_write_1h", "audio_in", "output", "reasoning", "audio_out", "usage",
}  # fmt: skip


@pytest.fixture(scope="module", params=["json", "logfmt"])
def logging(request, tmp_path_factory, mock_a):
    import weir

    g = weir.Gateway(
        tmp_path_factory.mktemp("log"),
        f"""
listen: 127.0.0.1:0
workers: 1
log: {{format: {request.param}, level: debug}}
keys: [{{name: "the app", key: {KEY}}}]
retries: {{attempts: 2, backoff: 1ms}}
breaker: {{failures: 0, error_rate: 0%}}
providers:
  a: {{base_url: "{mock_a.base}", api_key: {UPSTREAM_KEY}}}
models:
  m: [a/one, a/two]
""",
    )
    g.auth = {"authorization": "Bearer " + KEY}
    g.format = request.param
    yield g
    g.check()
    g.stop()


@pytest.fixture
def g(logging, mock):
    logging.mark()
    return logging


def ask(g, name, **more):
    return g.http.post(
        g.base + "/chat/completions",
        json={"model": name, "messages": [{"role": "user", "content": SECRET}], **more},
        headers=g.auth,
    )


def one(g):
    found = g.access()
    assert len(found) == 1, found
    record = {k: str(v).lower() if isinstance(v, bool) else v for k, v in found[0].items()}
    assert FIELDS <= set(record), FIELDS - set(record)
    return record


@pytest.mark.parametrize("stream", [False, True])
def test_a_complete_exchange(g, mock, stream):
    mock.options("cached-tokens=10&prompt-tokens=100")
    try:
        r = ask(g, "m", stream=stream)
    finally:
        mock.options("cached-tokens=0&prompt-tokens=0")
    record = one(g)
    sent = mock.record()
    assert record["id"] == r.headers["x-request-id"]
    assert record["model"] == "m"
    assert record["key"] == "the app"
    assert record["provider"] == "a"
    assert record["upstream_model"] == "one"
    assert record["attempts"] == "a/one:ok"
    assert record["end"] == "complete"
    assert record["stream"] == str(stream).lower()
    assert int(record["output"]) == sent["completion_tokens"]
    assert (int(record["input"]), int(record["cache_read"])) == (90, 10), "kinds do not overlap"
    assert 0 < float(record["ttft_ms"]) <= float(record["took_ms"])
    assert int(record["bytes_in"]) > 0 and int(record["bytes_out"]) >= len(r.content)


def test_attempts_are_told_one_by_one(g, mock):
    mock.script({"status": 503})
    ask(g, "m")
    record = one(g)
    assert record["attempts"] == "a/one:overloaded/503,a/two:ok"
    assert int(record["tries"]) == 2


@pytest.mark.parametrize(
    "options,end,status",
    [
        ({"fail": "reset"}, "upstream_error", 502),
        ({"fail": "truncate", "tokens": 6}, "truncated", 200),
        ({"status": 400}, "refused", 400),
    ],
    ids=["error", "truncated", "refused"],
)
def test_how_it_ended(g, options, end, status):
    ask(g, model("a/m", **options), stream=True)
    record = one(g)
    assert record["end"] == end
    assert int(record["status"]) == status


def test_a_line_is_one_line_whatever_the_client_sends(g):
    evil = 'x"\n{"event":"access","forged":true} \u2028\x1b[31m time=1 event=access forged=true'
    assert ask(g, evil).status_code == 404
    found = g.access()
    assert len(found) == 1
    assert "forged" not in found[0]
    if g.format == "json":
        assert found[0]["model"] == evil[:128]
    assert "\x1b" not in g.output


def test_no_key_and_no_prompt_anywhere(g, mock):
    """At the level that says the most, through successes and every kind of trouble."""
    for name in ("m", "nobody", "a/m?fail=reset", "a/m?fail=bad_json", "a/m?status=401", "a/m?echo=on"):
        for stream in (False, True):
            ask(g, name, stream=stream)
    g.http.post(g.base + "/chat/completions", content='{"model": "' + SECRET, headers=g.auth)
    g.http.post(g.base + "/chat/completions", json={}, headers={"authorization": "Bearer sk-wrong-0123456789"})
    g.http.get(g.base + "/models?key=" + SECRET, headers={"x-api-key": "sk-wrong-0123456789"})
    wait_for(lambda: len(g.events("access")) >= 13)
    for secret in (KEY, UPSTREAM_KEY, SECRET, "sk-wrong", "fish sea"):
        assert secret not in g.output


def test_json_lines_are_json(g):
    ask(g, "m")
    g.access()
    if g.format == "json":
        lines = [x for x in g.lines if x.startswith("{")]
        assert lines
        for line in lines:
            assert {"time", "level", "event"} <= set(json.loads(line))


def test_the_record_can_be_switched_off(start, mock):
    g = start(f"listen: 127.0.0.1:0\nlog: {{access: false}}\nproviders: {{a: {{base_url: '{mock.base}'}}}}\n")
    r = g.http.post(g.base + "/chat/completions", json={"model": "a/m", "messages": HELLO})
    assert r.status_code == 200
    g.stop()
    assert g.events("access") == []
