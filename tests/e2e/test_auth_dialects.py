"""Whose request it is: the keys of every dialect's official client on every dialect's path, the
signatures of AWS clients, and the refusals in the words of each.
"""

import datetime
import hashlib
import hmac
import json
import urllib.parse

import dialects
import pytest
import weir
from test_matrix import BASES

KEY = "sk-auth-0123456789abcdef"
OTHER = "sk-other-fedcba9876543210"
SIGNER_ID, SIGNER_SECRET = "AKIAWEIRTESTS0000001", "sk-signer-aAbBcCdDeEfF00112233"
USER = {"turns": [{"role": "user", "parts": [{"text": "Hi."}]}], "max_tokens": 50}

CONFIG = """
listen: 127.0.0.1:0
workers: 1
keys:
  - {{name: app, key: {key}}}
  - {{name: signer, key: {secret}, access_key_id: {id}}}
retries: {{attempts: 1}}
breaker: {{failures: 0, error_rate: 0%}}
providers:
{providers}
"""

CARRIERS = {  # how a key comes, by the name of whose client sends it so
    "bearer": lambda k: ({"authorization": f"Bearer {k}"}, ""),
    "bearer in small letters": lambda k: ({"authorization": f"bearer  {k}"}, ""),
    "x-api-key": lambda k: ({"x-api-key": k}, ""),
    "x-goog-api-key": lambda k: ({"x-goog-api-key": k}, ""),
    "api-key": lambda k: ({"api-key": k}, ""),
    "?key=": lambda k: ({}, f"key={k}"),
    "?a=b&key=": lambda k: ({}, f"a=b&key={k}&c=d"),
    "x-api-key beside a Basic": lambda k: ({"authorization": "Basic eDp5", "x-api-key": k}, ""),
}


@pytest.fixture(scope="module")
def mock():
    m = weir.Mock()
    yield m
    m.stop()


@pytest.fixture(scope="module")
def gw(tmp_path_factory, mock):
    rows = [f"  to-{d.name}: {{dialect: {d.name}, base_url: \"{mock.url}{BASES[d.name]}\", api_key: sk-upstream}}" for d in dialects.CLIENTS]
    config = CONFIG.format(key=KEY, id=SIGNER_ID, secret=SIGNER_SECRET, providers="\n".join(rows))
    g = weir.Gateway(tmp_path_factory.mktemp("auth"), config)
    g.auth = {"authorization": "Bearer " + KEY}
    yield g
    g.check()
    g.stop()


def ask(gw, client, headers, query="", stream=False):
    model = f"to-{client.name}/m"
    path = client.path(model, stream)
    if query:
        path += ("&" if "?" in path else "?") + query
    body = json.dumps(client.write(USER, model, stream))
    return gw.http.post(gw.url + path, content=body, headers={**client.headers, "content-type": "application/json", **headers})


def refused(client, r, status=401):
    """The message of an error in that dialect's own shape."""
    assert r.status_code == status, r.text
    assert r.headers["content-type"].startswith("application/json")
    e = r.json()
    if client.name in ("openai", "responses"):
        assert set(e) == {"error"} and set(e["error"]) == {"message", "type", "param", "code"}
        assert e["error"]["type"] == "authentication_error"
        assert e["error"]["code"] in ("missing_api_key", "invalid_api_key")
    elif client.name == "anthropic":
        assert e["type"] == "error" and e["error"]["type"] == "authentication_error"
    elif client.name == "gemini":
        assert e["error"]["code"] == status and e["error"]["status"] == "UNAUTHENTICATED"
    elif client.name == "bedrock":
        assert e["__type"] in ("UnrecognizedClientException", "AccessDeniedException")
    else:
        assert set(e) <= {"id", "message"}
    return client.error(e)


@pytest.mark.parametrize("carrier", list(CARRIERS))
@pytest.mark.parametrize("client", dialects.CLIENTS, ids=lambda d: d.name)
def test_a_key_is_a_key_on_every_path(gw, mock, client, carrier):
    mock.reset()
    headers, query = CARRIERS[carrier](KEY)
    r = ask(gw, client, headers, query)
    assert r.status_code == 200, r.text
    record = mock.record()
    assert KEY not in record["query"] and KEY not in json.dumps(record["headers"])
    assert KEY.encode() not in record["body"]


@pytest.mark.parametrize("carrier", list(CARRIERS))
@pytest.mark.parametrize("client", dialects.CLIENTS, ids=lambda d: d.name)
def test_an_unknown_key_is_refused_in_the_callers_dialect(gw, mock, client, carrier):
    mock.reset()
    for key in (OTHER, KEY[:-1], KEY + "0", KEY.upper(), "sk-upstream"):
        headers, query = CARRIERS[carrier](key)
        message = refused(client, ask(gw, client, headers, query))
        assert "not known" in message and key not in message
    assert mock.records() == []


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("client", dialects.CLIENTS, ids=lambda d: d.name)
def test_a_missing_key_is_refused_in_the_callers_dialect(gw, mock, client, stream):
    mock.reset()
    for headers, query in (({}, ""), ({"x-api-key": ""}, ""), ({}, "key="), ({"cookie": f"key={KEY}"}, "keys=" + KEY)):
        assert "API key is needed" in refused(client, ask(gw, client, headers, query, stream))
    assert mock.records() == []


@pytest.mark.parametrize("authorization", ["Bearer", "Basic " + KEY, KEY, "Bearer\t" + KEY, f"Bearer {KEY} x", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 x"])
def test_an_authorization_of_another_kind_is_refused(gw, authorization):
    for client in dialects.CLIENTS:
        refused(client, ask(gw, client, {"authorization": authorization}))


def test_the_first_key_that_is_sent_counts(gw):
    client = dialects.CLIENTS[0]
    refused(client, ask(gw, client, {"authorization": f"Bearer {OTHER}", "x-api-key": KEY}))
    assert ask(gw, client, {"authorization": f"Bearer {KEY}", "x-api-key": OTHER}).status_code == 200


@pytest.mark.parametrize("path", ["/v1/models", "/anthropic/v1/models", "/v1beta/models", "/openai/v1/models", "/cohere/v1/models", "/bedrock/foundation-models"])
def test_lists_of_models_need_a_key_too(gw, path):
    assert gw.http.get(gw.url + path).status_code == 401
    for headers, query in (c(KEY) for c in CARRIERS.values()):
        assert gw.http.get(gw.url + path + (f"?{query}" if query else ""), headers=headers).status_code == 200


# ---- signatures of AWS --------------------------------------------------------------------------


def sign(gw, path, body, key_id=SIGNER_ID, secret=SIGNER_SECRET, late=0, service="bedrock", leave_out=(), hashed=False):
    """The headers of a signed request (AWS IAM user guide, "Create a signed AWS API request")."""
    now = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=late)
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/eu-west-1/{service}/aws4_request"
    path, _, query = path.partition("?")
    signed = {"content-type": "application/json", "host": f"127.0.0.1:{gw.port}", "x-amz-date": stamp}
    digest = hashlib.sha256(body).hexdigest()
    if hashed:
        signed["x-amz-content-sha256"] = digest
    names = sorted(n for n in signed if n not in leave_out)
    canon = "\n".join(
        [
            "POST",
            urllib.parse.quote(path, safe="/-_.~"),
            "&".join(sorted(query.split("&"))) if query else "",
            *(f"{n}:{signed[n]}" for n in names),
            "",
            ";".join(names),
            digest,
        ]
    )
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canon.encode()).hexdigest()])
    k = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        k = hmac.new(k, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(k, text.encode(), hashlib.sha256).hexdigest()
    credential = f"Credential={key_id}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
    return {**signed, "authorization": "AWS4-HMAC-SHA256 " + credential}


BEDROCK = next(d for d in dialects.CLIENTS if d.name == "bedrock")


def signed_ask(gw, client=BEDROCK, stream=False, change=None, query="", body=None, **how):
    model = f"to-{client.name}/a.m-v1:0"
    path = client.path(model, stream)
    path += ("&" if "?" in path else "?") + query if query else ""
    body = body or json.dumps(client.write(USER, model, stream)).encode()
    headers = sign(gw, path, body, **how)
    if change:
        path, body, headers = change(path, body, headers)
    return gw.http.post(gw.url + path, content=body, headers={**client.headers, **headers})


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("hashed", [False, True], ids=["", "its hash sent"])
def test_a_signed_request_is_the_keys(gw, mock, stream, hashed):
    mock.reset()
    gw.mark()
    r = signed_ask(gw, stream=stream, hashed=hashed)
    assert r.status_code == 200, r.text
    assert "authorization" in mock.record()["header"] and "x-amz-date" not in mock.record()["header"]
    assert gw.access()[0]["key"] == "signer"


@pytest.mark.parametrize("client", dialects.CLIENTS, ids=lambda d: d.name)
def test_a_signature_is_taken_on_every_path(gw, client):
    r = signed_ask(gw, client)
    assert r.status_code == 200, r.text


def test_a_query_and_a_clock_that_is_a_little_off_do_no_harm(gw):
    for how in ({"query": "b=2&a=1&a=%2F"}, {"late": 200}, {"late": -200}):
        r = signed_ask(gw, **how)
        assert r.status_code == 200, (how, r.text)


@pytest.mark.parametrize(
    "how,words",
    [
        ({"secret": SIGNER_SECRET + "x"}, "does not match"),
        ({"secret": KEY}, "does not match"),
        ({"key_id": "AKIANOBODYKNOWS00000"}, "not known"),
        ({"late": 600}, "clock"),
        ({"late": -600}, "clock"),
        ({"late": 86400 * 365}, "clock"),
        ({"service": "s3"}, "service"),
        ({"leave_out": ("host",)}, "Host"),
        ({"leave_out": ("x-amz-date",)}, "X-Amz-Date"),
        ({"change": lambda p, b, h: (p, b.replace(b"Hi.", b"Ho."), h)}, "does not match"),
        ({"change": lambda p, b, h: (p, b + b" ", h)}, "does not match"),
        ({"change": lambda p, b, h: (p, b.replace(b"Hi.", b"Ho."), h), "hashed": True}, "SHA-256"),
        ({"change": lambda p, b, h: (p.replace("a.m-v1", "b.m-v1"), b, h)}, "does not match"),
        ({"change": lambda p, b, h: (p + "?x=1", b, h)}, "does not match"),
        ({"change": lambda p, b, h: (p, b, {**h, "x-amz-date": h["x-amz-date"][:-2] + "0Z" if h["x-amz-date"][-2] != "0" else h["x-amz-date"][:-2] + "1Z"})}, "does not match"),
        ({"change": lambda p, b, h: (p, b, {**h, "content-type": "text/plain"})}, "does not match"),
        ({"change": lambda p, b, h: (p, b, {k: v for k, v in h.items() if k != "x-amz-date"})}, ""),
        ({"change": lambda p, b, h: (p, b, {**h, "authorization": h["authorization"][:-1]})}, ""),
        ({"change": lambda p, b, h: (p, b, {**h, "authorization": h["authorization"].split(", Signature")[0]})}, ""),
    ],
)
def test_a_bad_signature_is_refused_and_says_why(gw, mock, how, words):
    mock.reset()
    message = refused(BEDROCK, signed_ask(gw, **how))
    assert words.lower() in message.lower(), message
    assert SIGNER_SECRET not in message
    assert mock.records() == []


def test_without_an_access_key_id_no_signature_is_good(start, mock):
    g = start(f"listen: 127.0.0.1:0\nkeys: [{{name: app, key: {KEY}}}]\nproviders:\n  to-bedrock: {{dialect: bedrock, base_url: \"{mock.url}\", api_key: k}}\n")
    assert "access_key_id" in refused(BEDROCK, signed_ask(g, secret=KEY))
