"""A provider's opaque state goes back to whoever made it, whatever the order of the model's deployments."""

import pytest
import weir

KEY = "sk-state-0123456789abcdef"

CONFIG = """
listen: 127.0.0.1:0
workers: 1
keys: [{{name: app, key: {key}}}]
retries: {{attempts: 3, backoff: 10ms, backoff_max: 20ms}}
breaker: {{failures: 0, error_rate: 0%}}
providers:
  first: {{dialect: openai, base_url: "{url}/v1", api_key: k}}
  issuer: {{dialect: anthropic, base_url: "{url}/v1", api_key: k}}
models:
  both: [first/gpt-4.1, issuer/claude-opus-4-6]
  issued: issuer/claude-opus-4-6
"""


@pytest.fixture(scope="module")
def mock():
    m = weir.Mock()
    yield m
    m.stop()


@pytest.fixture(scope="module")
def gw(tmp_path_factory, mock):
    g = weir.Gateway(tmp_path_factory.mktemp("state"), CONFIG.format(key=KEY, url=mock.url))
    yield g
    g.stop()


def ask(gw, model, messages):
    body = {"model": model, "messages": messages, "max_completion_tokens": 8000, "reasoning_effort": "high"}
    r = gw.http.post(gw.base + "/chat/completions", json=body, headers={"authorization": "Bearer " + KEY})
    assert r.status_code == 200, r.text
    gw.check()
    return r


def test_a_history_with_a_signature_is_taken_to_its_issuer_first(gw, mock):
    question = [{"role": "user", "content": "Think."}]
    mock.reset()
    answer = ask(gw, "issued", question).json()["choices"][0]["message"]
    sealed = [d["signature"] for d in answer["reasoning_details"] if d.get("signature")]
    assert sealed and all(s.startswith("weir~issuer~") for s in sealed)

    mock.reset()
    assert ask(gw, "both", question).headers["x-weir-provider"] == "first"
    history = [*question, {k: v for k, v in answer.items() if v is not None}, {"role": "user", "content": "And now?"}]
    mock.reset()
    assert ask(gw, "both", history).headers["x-weir-provider"] == "issuer"
    sent = mock.records()
    assert [r["path"] for r in sent] == ["/v1/messages"]
    assert sealed[0].removeprefix("weir~issuer~").encode() in sent[0]["body"]
    assert b"weir~" not in sent[0]["body"]


def test_when_the_issuer_fails_the_others_are_asked_without_its_state(gw, mock):
    question = [{"role": "user", "content": "Think."}]
    mock.reset()
    answer = ask(gw, "issued", question).json()["choices"][0]["message"]
    history = [*question, {k: v for k, v in answer.items() if v is not None}, {"role": "user", "content": "And now?"}]
    mock.reset()
    mock.script("status=500")
    r = ask(gw, "both", history)
    assert r.headers["x-weir-provider"] == "first"
    assert "reasoning" in r.headers["x-weir-dropped"]
    sent = mock.records()
    assert [x["path"] for x in sent] == ["/v1/messages", "/v1/chat/completions"]
    assert b"weir~" not in sent[1]["body"]
