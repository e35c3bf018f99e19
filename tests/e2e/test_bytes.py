"""What is forwarded is what was sent: every byte but those that must be edited."""

import json

import pytest

from conftest import KEY
from weir import model


def ask(gw, body, path="/chat/completions", headers=None):
    if not isinstance(body, bytes):
        body = body.encode()
    return gw.http.post(
        gw.base + path,
        content=body,
        headers={"authorization": "Bearer " + KEY, "content-type": "application/json", **(headers or {})},
    )


ODD = (
    '{ "model"\t:\r\n "%s" , "messages":[{"role":"user","content":"h\\u00e9 \\ud83d\\ude00 \\/ \U0001f40b"}],'
    '"temperature":1.0e-0,"big":12345678901234567890,"deep":{"a":[[[{}]]]},"":null,'
    '"unknown_field":{"x": [1 ,2.50,-0.0]}, "seed" : 9007199254740993 , "stream":false}  \n'
)


def test_every_byte_but_the_model_survives(gw, mock_a):
    r = ask(gw, ODD % "a/m?tokens=1")
    assert r.status_code == 200, r.text
    assert mock_a.record()["body"].decode() == ODD % "m?tokens=1"


def test_a_configured_name_becomes_the_deployments(gw, mock_a):
    assert ask(gw, ODD % "plain").status_code == 200
    assert mock_a.record()["body"].decode() == ODD % "plain"


def test_escapes_in_the_models_name_are_read(gw, mock_a):
    assert ask(gw, ODD % "\\u0061\\/m").status_code == 200
    assert mock_a.record()["model"] == "m"


def test_a_stream_asks_for_usage_and_changes_nothing_else(gw, mock_a):
    body = '{"model":"a/m","stream":true,"x":[1 , 2],"messages":[{"role":"user","content":"hi"}]}'
    assert ask(gw, body).status_code == 200
    got = json.loads(mock_a.record()["body"])
    assert got.pop("stream_options") == {"include_usage": True}
    wanted = json.loads(body)
    wanted["model"] = "m"
    assert got == wanted
    assert b'"x":[1 , 2]' in mock_a.record()["body"]


@pytest.mark.parametrize(
    "given,wanted",
    [
        ('{"include_usage":false}', {"include_usage": True}),
        ('{"include_usage": true, "include_obfuscation":false}', {"include_usage": True, "include_obfuscation": False}),
        ('{"include_obfuscation":false}', {"include_usage": True, "include_obfuscation": False}),
        ("{}", {"include_usage": True}),
        ("null", {"include_usage": True}),
    ],
)
def test_stream_options_are_edited_in_place(gw, mock_a, given, wanted):
    body = '{"stream_options":%s,"model":"a/m","stream":true,"messages":[{"role":"user","content":"hi"}]}' % given
    r = ask(gw, body)
    assert r.status_code == 200, r.text
    assert json.loads(mock_a.record()["body"])["stream_options"] == wanted
    shown = '"usage":{' in r.text
    assert shown == ('"include_usage": true' in given)
    assert r.text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("usage", ["asked", "always", "twice"])
def test_the_usage_chunk_is_hidden_from_who_did_not_ask(gw, mock_a, usage):
    body = '{"model":"%s","stream":true,"messages":[{"role":"user","content":"hi"}]}' % model("a/m", usage=usage, tokens=3)
    r = ask(gw, body)
    assert '"choices":[]' not in r.text
    assert mock_a.record()["usage_sent"]
    record = gw.access()[0]
    assert record["usage"] == "reported"
    assert record["output"] == "3"


def test_usage_that_never_comes_is_estimated_and_marked(gw):
    body = '{"model":"%s","stream":true,"messages":[{"role":"user","content":"hi"}]}' % model("a/m", usage="off", tokens=40)
    assert ask(gw, body).status_code == 200
    record = gw.access()[0]
    assert record["usage"] == "estimated"
    assert 10 < int(record["output"]) < 160


def test_unknown_members_of_the_answer_survive(gw):
    extra = '"x_mock":{"big":12345678901234567890,"n":1.50,"s":"\\u00e9\\/","list":[null,true,{}]}'
    for stream in ("false", "true"):
        body = '{"model":"a/m?extra=on&tokens=2","stream":%s,"messages":[{"role":"user","content":"hi"}]}' % stream
        r = ask(gw, body)
        assert r.text.count(extra) == (1 if stream == "false" else 4)


def test_the_answer_is_the_providers_byte_for_byte(gw, mock_a):
    body = '{"model":"%s","messages":[{"role":"user","content":"hi"}],"stream":%s}'
    direct = mock_a.http.post(mock_a.base + "/chat/completions", content=body % ("m?tokens=5&extra=on", "false"))
    assert ask(gw, body % ("a/m?tokens=5&extra=on", "false")).content == direct.content
    # The usage chunk is asked for and hidden: so `"usage":null` in the others stays.
    direct = mock_a.http.post(
        mock_a.base + "/chat/completions",
        content='{"model":"m?tokens=5","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}',
    )
    through = ask(
        gw,
        '{"model":"a/m?tokens=5","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}',
    )
    strip = lambda text: [line for line in text.split("\n\n") if '"usage":{' not in line]  # noqa: E731
    assert strip(through.text) == strip(direct.text)


def test_headers_of_the_client_do_not_leak_upstream(gw, mock_a):
    ask(
        gw,
        ODD % "a/m",
        headers={
            "cookie": "c=1",
            "x-forwarded-for": "1.2.3.4",
            "openai-organization": "org-of-the-client",
            "api-key": "sk-other",
        },
    )
    record = mock_a.record()
    assert record["header"]["authorization"] == "***3210"
    assert record["header"]["host"] == f"127.0.0.1:{mock_a.port}"
    for name in ("cookie", "api-key", "x-forwarded-for"):
        assert name not in record["header"]
    text = json.dumps(record["headers"])
    assert KEY not in text and KEY[-4:] not in text


def test_embeddings_and_completions_are_forwarded_too(gw, mock_a):
    body = '{ "model":"a/m","input":["x"], "dimensions":4,"user":"u" }'
    r = ask(gw, body, "/embeddings")
    assert r.status_code == 200
    assert mock_a.record()["body"].decode() == body.replace("a/m", "m")
    assert mock_a.record()["path"] == "/v1/embeddings"
    mock_a.reset()
    body = '{"model":"a/m","prompt":"x","n":2}'
    assert ask(gw, body, "/completions").json()["object"] == "text_completion"
    assert mock_a.record()["body"].decode() == body.replace("a/m", "m")


def test_parameters_that_a_provider_does_not_take_are_dropped(start, mock):
    g = start(
        f"""
listen: 127.0.0.1:0
providers:
  odd:
    base_url: {mock.base}
    drop_params: [logit_bias, store, "user"]
    quirks: [no_stream_options, max_tokens]
    headers: {{X-Team: search}}
"""
    )
    body = '{"user":"u","model":"odd/m","store":true,"max_completion_tokens":5,"messages":[{"role":"user","content":"x"}],"stream":true,"logit_bias":{}}'
    r = g.http.post(g.base + "/chat/completions", content=body)
    assert r.status_code == 200, r.text
    record = mock.record()
    assert json.loads(record["body"]) == {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}], "stream": True}
    assert record["header"]["x-team"] == "search"
    assert "authorization" not in record["header"]


# ---- bodies that are refused --------------------------------------------------------------


def refused(gw, body, status, code):
    r = ask(gw, body)
    assert r.status_code == status, r.text
    error = r.json()["error"]
    assert error["code"] == code
    assert set(error) == {"message", "type", "param", "code"}
    return error["message"]


def test_bad_json_says_where(gw):
    message = refused(gw, '{"model":"plain",\n "messages": [}', 400, "invalid_json")
    assert "line 2" in message and "15" in message


@pytest.mark.parametrize("body", ["", "null", "[]", '"x"', "{} {}", '{"model":"plain"', b'{"model":"\xff"}'])
def test_bodies_that_are_no_json_object(gw, body):
    r = ask(gw, body)
    assert r.status_code == 400
    assert r.json()["error"]["type"] == "invalid_request_error"


def test_json_nested_too_deeply(gw):
    for deep in ("[" * 100000, '{"a":' * 100000):
        refused(gw, '{"model":"plain","messages":' + deep, 400, "json_too_deep")


def test_a_body_without_a_model(gw):
    assert ask(gw, '{"messages":[]}').status_code == 400
    assert ask(gw, '{"model":7,"messages":[]}').status_code == 400
    assert ask(gw, '{"model":"","messages":[]}').status_code in (400, 404)


def test_a_model_that_is_named_twice(gw, mock_a):
    """Two parsers could read two models: it is refused."""
    r = ask(gw, '{"model":"plain","model":"two","messages":[]}')
    assert r.status_code == 400
    assert mock_a.records() == []


def test_a_body_over_the_limit_is_413(gw, mock_a):
    r = ask(gw, '{"model":"plain","messages":"' + "x" * (3 << 20) + '"}')
    assert r.status_code == 413
    assert r.json()["error"]["type"] == "invalid_request_error"
    assert mock_a.records() == []


def test_a_large_body_passes_whole(gw, mock_a):
    body = '{"model":"a/m","messages":[{"role":"user","content":"%s"}]}' % ("x y" * 600000)
    assert ask(gw, body).status_code == 200
    assert mock_a.record()["body"].decode() == body.replace("a/m", "m")


def test_paths_and_methods(gw):
    r = gw.http.get(gw.base + "/chat/completions", headers={"authorization": "Bearer " + KEY})
    assert r.status_code == 405 and r.headers["allow"] == "POST"
    r = gw.http.post(gw.url + "/v9/chat", content="{}", headers={"authorization": "Bearer " + KEY})
    assert r.status_code == 404 and r.json()["error"]["code"] == "not_found"
    assert gw.http.head(gw.url + "/health").status_code == 200
