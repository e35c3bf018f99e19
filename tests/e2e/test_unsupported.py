"""What a provider cannot be told: dropped and named, or refused and said who could; models that
are no more; tokens that nobody counts.
"""

import json

import dialects
import pytest
import weir
from test_matrix import BASES, MODELS

DROP, DROP_ALL, REFUSE, PLAIN = "sk-drop-0123456789", "sk-drop-all-0123456789", "sk-refuse-0123456789", "sk-plain-0123456789"

CONFIG = """
listen: 127.0.0.1:0
workers: 1
unsupported: {policy}
keys:
  - {{name: plain, key: {plain}}}
  - {{name: drop, key: {drop}, unsupported: drop}}
  - {{name: drop-all, key: {drop_all}, unsupported: drop_all}}
  - {{name: refuse, key: {refuse}, unsupported: refuse}}
retries: {{attempts: 1}}
breaker: {{failures: 0, error_rate: 0%}}
providers:
{providers}
models:
  either: [to-anthropic/claude-opus-4-6, {{deployment: to-openai/gpt-5.1, priority: 2}}]
  listed-old: anthropic/claude-3-opus-20240229
"""
ROWS = "".join(f"  to-{d.name}: {{{{dialect: {d.name}, base_url: \"{{url}}{BASES[d.name]}\", api_key: k}}}}\n" for d in dialects.PROVIDERS)
ROWS += '  anthropic: {{base_url: "{url}/v1", api_key: k}}\n  openai: {{base_url: "{url}/v1", api_key: k}}\n'
BY_NAME = {d.name: d for d in dialects.CLIENTS}


@pytest.fixture(scope="module")
def mock():
    m = weir.Mock()
    yield m
    m.stop()


def config(mock, policy):
    return CONFIG.format(policy=policy, plain=PLAIN, drop=DROP, drop_all=DROP_ALL, refuse=REFUSE, providers=ROWS.format(url=mock.url))


@pytest.fixture(scope="module")
def gateways(tmp_path_factory, mock):
    """One of each policy in its file."""
    started = {p: weir.Gateway(tmp_path_factory.mktemp(p), config(mock, p)) for p in ("drop", "drop_all", "refuse")}
    yield started
    for g in started.values():
        g.check()
        g.stop()


@pytest.fixture
def gw(gateways, mock):
    mock.reset()
    return gateways["drop"]


def ask(g, client, model, change=None, key=PLAIN, stream=False):
    c = {"turns": [{"role": "user", "parts": [{"text": "Hi."}]}], "max_tokens": 50}
    body = client.write(c, model, stream)
    if change:
        change(body)
    headers = {**client.headers, **client.auth(key), "content-type": "application/json"}
    return g.http.post(g.url + client.path(model, stream), content=json.dumps(body), headers=headers)


def model_at(provider):
    return f"to-{provider}/{MODELS[provider]}"


def put(**members):
    return lambda body: body.update(members)


def hear(body):
    body["messages"][0]["content"] = [
        {"type": "text", "text": "Hear."},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
    ]


# client, provider, what is added to its request, the names that are told
PARAMETERS = [
    ("openai", "anthropic", put(seed=7), ["seed"]),
    ("openai", "anthropic", put(seed=7, frequency_penalty=0.5, n=2), ["seed", "frequency_penalty", "n"]),
    ("openai", "anthropic", put(x_new={"a": 1}), ["x_new"]),
    ("openai", "gemini", put(user="u", verbosity="low"), ["user", "verbosity"]),
    ("openai", "bedrock", put(seed=7), ["seed"]),
    ("openai", "cohere", put(logit_bias={"1": 2}), ["logit_bias"]),
    ("openai", "responses", put(stop=["x"]), ["stop"]),
    ("openai", "ollama", put(user="u"), ["user"]),
    ("responses", "anthropic", put(truncation="auto"), ["truncation"]),
    ("anthropic", "openai", put(top_k=5), ["top_k"]),
    ("anthropic", "responses", put(top_k=5, stop_sequences=["x"]), ["top_k", "stop"]),
    ("gemini", "anthropic", lambda b: b["generationConfig"].update(seed=7), ["seed"]),
    ("gemini", "openai", lambda b: b["generationConfig"].update(topK=5), ["top_k"]),
    ("bedrock", "openai", put(guardrailConfig={"guardrailIdentifier": "g", "guardrailVersion": "1"}), ["guardrailConfig"]),
    ("cohere", "anthropic", put(seed=7), ["seed"]),
    ("cohere", "openai", put(safety_mode="STRICT"), ["safety_mode"]),
]
IDS = [f"{c} to {p}: {', '.join(n)}" for c, p, _, n in PARAMETERS]


def dropped(r):
    return r.headers.get("x-weir-dropped", "").split(", ") if "x-weir-dropped" in r.headers else []


@pytest.mark.parametrize("client,provider,change,names", PARAMETERS, ids=IDS)
def test_a_parameter_that_cannot_be_told_is_dropped_and_named(gw, mock, client, provider, change, names):
    for stream in (False, True):
        mock.reset()
        r = ask(gw, BY_NAME[client], model_at(provider), change, stream=stream)
        assert r.status_code == 200, r.text
        assert sorted(dropped(r)) == sorted(names)
        assert mock.record()["model"]


@pytest.mark.parametrize("client,provider,change,names", PARAMETERS, ids=IDS)
def test_under_refuse_it_is_a_400_and_nobody_is_asked(gateways, mock, client, provider, change, names):
    mock.reset()
    for g, key in ((gateways["refuse"], PLAIN), (gateways["drop"], REFUSE)):
        r = ask(g, BY_NAME[client], model_at(provider), change, key)
        assert r.status_code == 400, r.text
        message = BY_NAME[client].error(r.json())
        assert all(n in message for n in names), message
        if client in ("openai", "responses"):
            error = r.json()["error"]
            assert error["code"] == "unsupported_parameter" and error["param"] in names
            assert error["type"] == "invalid_request_error"
    assert mock.records() == []


@pytest.mark.parametrize("key,told", [(DROP, True), (DROP_ALL, True), (REFUSE, False), (PLAIN, False)])
def test_the_keys_policy_stands_before_the_files(gateways, mock, key, told):
    mock.reset()
    r = ask(gateways["refuse"], BY_NAME["openai"], model_at("anthropic"), put(seed=7), key)
    assert (r.status_code == 200) == told, r.text
    assert dropped(r) == (["seed"] if told else [])


def test_nothing_is_named_when_nothing_is_dropped(gateways, mock):
    for g in gateways.values():
        for client in dialects.CLIENTS:
            for provider in dialects.PROVIDERS:
                mock.reset()
                r = ask(g, client, model_at(provider.name))
                assert r.status_code == 200, r.text
                assert dropped(r) == [], (client.name, provider.name)


def test_who_could_be_told_is_said(gateways, mock):
    mock.reset()
    r = ask(gateways["refuse"], BY_NAME["openai"], "to-anthropic/claude-opus-4-6", put(seed=7))
    assert "to-openai/gpt-5.1" in r.json()["error"]["message"]


def test_another_deployment_that_can_be_told_is_taken_instead(gateways, mock):
    mock.reset()
    r = ask(gateways["refuse"], BY_NAME["openai"], "either", put(seed=7))
    assert r.status_code == 200 and dropped(r) == [], r.text
    assert mock.record()["path"] == "/v1/chat/completions" and json.loads(mock.record()["body"])["seed"] == 7
    mock.reset()
    assert ask(gateways["refuse"], BY_NAME["openai"], "either").status_code == 200
    assert mock.record()["path"] == "/v1/messages"


def test_under_drop_the_first_deployment_is_asked_all_the_same(gw, mock):
    r = ask(gw, BY_NAME["openai"], "either", put(seed=7))
    assert dropped(r) == ["seed"]
    assert mock.record()["path"] == "/v1/messages"


# ---- content ------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", ["anthropic", "cohere", "ollama"])
def test_content_is_refused_under_drop(gateways, mock, provider):
    mock.reset()
    for g, key in ((gateways["drop"], PLAIN), (gateways["refuse"], DROP), (gateways["refuse"], PLAIN)):
        r = ask(g, BY_NAME["openai"], model_at(provider), hear, key)
        assert r.status_code == 400, r.text
        error = r.json()["error"]
        assert error["code"] == "unsupported_parameter"
        assert "messages[0].content[1]" in error["message"] and "audio" in error["message"]
    assert mock.records() == []


@pytest.mark.parametrize("provider", ["anthropic", "cohere", "ollama"])
def test_content_is_left_out_and_named_under_drop_all(gateways, mock, provider):
    for g, key in ((gateways["drop_all"], PLAIN), (gateways["drop"], DROP_ALL)):
        mock.reset()
        r = ask(g, BY_NAME["openai"], model_at(provider), hear, key)
        assert r.status_code == 200, r.text
        assert any("messages[0].content[1]" in n for n in dropped(r))
        body = mock.record()["body"]
        assert b"UklGRg" not in body and b"Hear." in body


def test_content_goes_to_the_deployment_that_can_be_told(gw, mock):
    r = ask(gw, BY_NAME["openai"], "either", hear)
    assert r.status_code == 200 and dropped(r) == [], r.text
    assert b"UklGRg" in mock.record()["body"] and mock.record()["path"] == "/v1/chat/completions"


@pytest.mark.parametrize("client,tool", [("responses", {"type": "web_search"}), ("anthropic", {"type": "web_search_20250305", "name": "web_search"}), ("gemini", {"googleSearch": {}})])
def test_a_built_in_tool_is_content(gateways, mock, client, tool):
    mock.reset()
    r = ask(gateways["drop"], BY_NAME[client], model_at("cohere"), put(tools=[tool]))
    assert r.status_code == 400, r.text
    assert "earch" in BY_NAME[client].error(r.json())
    assert mock.records() == []
    r = ask(gateways["drop_all"], BY_NAME[client], model_at("cohere"), put(tools=[tool]))
    assert r.status_code == 200 and dropped(r), r.text


# ---- what does not go through at all --------------------------------------------------------------


@pytest.mark.parametrize("change", [put(previous_response_id="resp_1"), put(conversation="c"), put(background=True), put(store=True)])
@pytest.mark.parametrize("provider", ["responses", "openai"])
def test_state_of_the_responses_api_is_refused(gw, mock, change, provider):
    r = ask(gw, BY_NAME["responses"], model_at(provider), change)
    assert r.status_code == 400, r.text
    assert r.json()["error"]["param"] in ("previous_response_id", "conversation", "background", "store")
    assert mock.records() == []


RETIRED = ["claude-3-5-sonnet-20240620", "anthropic/claude-3-5-sonnet-20240620"]


@pytest.mark.parametrize("model", RETIRED)
@pytest.mark.parametrize("client", dialects.CLIENTS, ids=lambda d: d.name)
def test_a_model_that_is_no_more_says_since_when_and_what_instead(gw, mock, client, model):
    row = next(line.split() for line in weir.run("models", "--retired").stdout.splitlines() if line.startswith(RETIRED[1]))
    r = ask(gw, client, model)
    assert r.status_code == 404, r.text
    message = client.error(r.json())
    assert row[1] in message and row[2] in message
    if client.name in ("openai", "responses"):
        assert r.json()["error"]["code"] == "model_retired" and r.json()["error"]["param"] == "model"
    assert mock.records() == []


def test_what_the_file_lists_is_asked_for_however_old(gw, mock):
    assert ask(gw, BY_NAME["openai"], "listed-old").status_code == 200
    assert mock.record()["model"] == "claude-3-opus-20240229"


# ---- tokens --------------------------------------------------------------------------------------

COUNTERS = {
    "anthropic": ("/v1/messages/count_tokens", lambda m: {"model": m, "messages": [{"role": "user", "content": "word " * 100}]}, "input_tokens"),
    "gemini": ("/v1beta/models/{}:countTokens", lambda m: {"contents": [{"role": "user", "parts": [{"text": "word " * 100}]}]}, "totalTokens"),
    "bedrock": ("/model/{}/count-tokens", lambda m: {"input": {"converse": {"messages": [{"role": "user", "content": [{"text": "word " * 100}]}]}}}, "inputTokens"),
}


# The mock's Responses API has no /v1/responses/input_tokens.
@pytest.mark.parametrize("provider", [d for d in dialects.PROVIDERS if d.name != "responses"], ids=lambda d: d.name)
@pytest.mark.parametrize("client", list(COUNTERS))
def test_tokens_are_counted_by_the_provider_or_estimated_and_said_so(gw, mock, client, provider):
    path, body, field = COUNTERS[client]
    model = model_at(provider.name)
    path = path.format(model.replace("/", "%2F").replace(":", "%3A"))
    headers = {**BY_NAME[client].headers, **BY_NAME[client].auth(PLAIN)}
    r = gw.http.post(gw.url + path, content=json.dumps(body(model)), headers=headers)
    assert r.status_code == 200, r.text
    assert 25 < r.json()[field] < 400
    can = provider.name in COUNTERS
    assert ("x-weir-estimated" in r.headers) is not can
    assert len(mock.records()) == (1 if can else 0)
    if can:
        assert "ount" in mock.record()["path"]
