"""What a request may say about where it goes, and how it is told why it went there."""

import json

import pytest

import dialects
import weir

KEY = "sk-routing-0123456789abcdef"
ADMIN = "sk-admin-0123456789abcdef"

CONFIG = """
listen: 127.0.0.1:0
workers: 2
keys:
  - {{name: app, key: {key}}}
  - {{name: owner, key: {admin}, admin: true}}
timeouts: {{connect: 1s, first_content: 5s, stall: 5s, total: 20s}}
retries: {{attempts: 3, backoff: 10ms, backoff_max: 20ms}}
providers:
  a: {{dialect: openai, base_url: "{a}/v1", api_key: k}}
  b: {{dialect: openai, base_url: "{b}/v1", api_key: k}}
  other: {{dialect: anthropic, base_url: "{b}/v1", api_key: k}}
  anthropic: {{base_url: "{b}/v1", api_key: k}}
models:
  two: [a/first, b/second]
  one: a/only
  foreign: other/claude-opus-4-6
  known: anthropic/claude-opus-4-6
"""


@pytest.fixture(scope="module")
def mocks():
    both = weir.Mock(), weir.Mock()
    yield both
    for m in both:
        m.stop()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, mocks):
    a, b = mocks
    config = CONFIG.format(key=KEY, admin=ADMIN, a=a.url, b=b.url)
    g = weir.Gateway(tmp_path_factory.mktemp("routing"), config)
    yield g
    g.stop()


@pytest.fixture
def gw(gateway, mocks):
    for m in mocks:
        m.reset()
    gateway.mark()
    yield gateway
    gateway.check()


def ask(gw, key=KEY, **body):
    body = {"messages": weir.HELLO, **body}
    return gw.http.post(gw.base + "/chat/completions", json=body, headers={"authorization": "Bearer " + key})


def admin(gw, path, key=ADMIN, **kw):
    return gw.http.request(
        kw.pop("method", "GET"), gw.url + "/admin/v1/" + path, headers={"authorization": "Bearer " + key}, **kw
    )


def went_to(gw, **body):
    r = ask(gw, **body)
    assert r.status_code == 200, r.text
    return r.headers["x-weir-provider"]


def error(r, status):
    assert r.status_code == status, r.text
    return r.json()["error"]


# ---- what a request may say ------------------------------------------------------------------


def test_the_first_deployment_is_the_plan(gw):
    assert went_to(gw, model="two") == "a"


@pytest.mark.parametrize(
    "asked",
    [
        {"provider": {"only": ["b"]}},
        {"provider": {"ignore": ["a"]}},
        {"provider": {"ignore": ["a/first"]}},
        {"provider": {"order": ["b"]}},
        {"provider": {"order": ["b/second"], "allow_fallbacks": False}},
    ],
    ids=json.dumps,
)
def test_a_request_may_name_its_provider(gw, asked):
    assert went_to(gw, model="two", **asked) == "b"


def test_without_fallbacks_nobody_else_is_asked(gw, mocks):
    mocks[0].script({"status": 503, "times": 9})
    error(ask(gw, model="two", provider={"allow_fallbacks": False}), 503)
    assert mocks[1].records() == []


def test_several_models_may_be_asked_for(gw, mocks):
    mocks[0].script({"status": 503, "times": 9})
    assert went_to(gw, model="one", models=["foreign"]) == "other"
    assert error(ask(gw, model="one", models=["no-such"]), 404)["code"] == "model_not_found"


@pytest.mark.parametrize("model", ["two", "foreign"])
def test_what_is_for_the_gateway_is_not_forwarded(gw, mocks, model):
    r = ask(
        gw,
        model=model,
        provider={"allow_fallbacks": True, "data_collection": "allow"},
        models=["two"],
        route="fallback",
        usage={"include": True},
        transforms=[],
        deadline_ms=15000,
        session_id="s-1",
        metadata={"team": "x"},
    )
    assert r.status_code == 200, r.text
    assert "x-weir-dropped" not in r.headers or "provider" not in r.headers["x-weir-dropped"]
    sent = [record["body"] for m in mocks for record in m.records()]
    assert len(sent) == 1
    for name in ("provider", "models", "route", "usage", "transforms", "deadline_ms", "session_id"):
        assert f'"{name}"'.encode() not in sent[0]


def test_without_such_members_the_body_is_the_clients(gw, mocks):
    body = b'{ "model" : "a/only",\n"messages":[{"role":"user","content":"hi"}], "odd":{"a":[1,2]} }'
    r = gw.http.post(gw.base + "/chat/completions", content=body, headers={"authorization": "Bearer " + KEY})
    assert r.status_code == 200
    assert mocks[0].record()["body"] == body.replace(b"a/only", b"only")


@pytest.mark.parametrize("model", ["two", "foreign"])
def test_a_stream_tells_its_usage_when_asked_to(gw, model):
    assert '"prompt_tokens"' not in ask(gw, model=model, stream=True).text
    assert '"prompt_tokens"' in ask(gw, model=model, stream=True, usage={"include": True}).text


@pytest.mark.parametrize(
    "asked, code, param",
    [
        ({"provider": {"onlyy": ["a"]}}, "unknown_field", "provider.onlyy"),
        ({"provider": ["a"]}, "invalid_type", "provider"),
        ({"provider": {"only": ["a"], "ignore": ["a"]}}, "contradiction", None),
        ({"max_cost_usd": -1}, "invalid_value", "max_cost_usd"),
        ({"models": "two"}, "invalid_type", "models"),
        ({"transforms": ["middle-out"]}, None, "transforms"),
        ({"route": {"continue": True}}, "invalid_value", "route.continue"),
    ],
    ids=str,
)
def test_what_is_not_understood_is_refused(gw, mocks, asked, code, param):
    e = error(ask(gw, model="two", **asked), 400)
    assert code is None or e["code"] == code
    assert param is None or (e["param"] or "").startswith(param)
    assert mocks[0].records() == mocks[1].records() == []


def test_a_policy_that_nobody_meets_says_why_of_each(gw, mocks):
    e = error(ask(gw, model="two", provider={"zdr": True}), 400)
    assert e["code"] == "no_candidate"
    for words in ("a/first", "b/second", "(zdr)"):
        assert words in e["message"]
    assert mocks[0].records() == mocks[1].records() == []


@pytest.mark.parametrize("d", dialects.CLIENTS, ids=lambda d: d.name)
def test_the_refusal_is_in_the_callers_dialect(gw, d):
    body = d.write({"turns": [{"role": "user", "parts": [{"text": "hi"}]}]}, "two", False)
    r = gw.http.post(gw.url + d.path("two", False), json={**body, "provider": {"zdr": True}}, headers=d.auth(KEY))
    assert r.status_code == 400, r.text
    assert "a/first" in d.error(r.json())


def test_a_deadline_ends_the_whole_request(gw, mocks):
    for m in mocks:
        m.options("ttft=4s")
    e = error(ask(gw, model="two", deadline_ms=300), 504)
    assert e["code"] == "upstream_timeout"
    for m in mocks:
        m.options("ttft=0")


@pytest.mark.parametrize("suffix", [":floor", ":nitro"])
def test_a_suffix_is_taken_off(gw, suffix):
    assert went_to(gw, model="two" + suffix) in ("a", "b")


def test_free_leaves_out_what_is_not_known_to_cost_nothing(gw):
    assert error(ask(gw, model="two:free"), 400)["code"] == "no_candidate"


def test_an_unknown_suffix_is_part_of_the_name(gw):
    assert error(ask(gw, model="two:fast"), 404)["code"] == "model_not_found"


def test_deployments_show_their_health(gw):
    ask(gw, model="two")
    assert gw.metric("weir_breaker_state", deployment="a/first") == 0
    assert gw.metric("weir_deployment_inflight", deployment="a/first") == 0
    assert went_to(gw, model="known") == "anthropic"
    assert 'weir_prompt_estimate_error_ratio{family="claude"} ' in gw.http.get(gw.url + "/metrics").text


# ---- why it went there -----------------------------------------------------------------------


def test_every_exchange_can_be_explained(gw, mocks):
    mocks[0].script({"status": 503})
    r = ask(gw, model="two", provider={"ignore": ["other"]})
    d = admin(gw, "exchanges/" + r.headers["x-request-id"]).json()
    assert d["asked"] == "two" and d["end"] == "complete" and d["status"] == 200
    assert [c["deployment"] for c in d["candidates"]] == ["a/first", "b/second"]
    assert [c["place"] for c in d["candidates"]] == [1, 2]
    first, second = d["attempts"]
    assert first["deployment"] == "a/first" and first["outcome"] == "overloaded" and first["status"] == 503
    assert second["deployment"] == "b/second" and second["outcome"] == "ok"
    assert second["input_tokens"] > 0 and second["output_tokens"] > 0
    assert second["cost_nano_usd"] is None  # nobody knows the price of "second"
    assert first["began_ms"] <= second["began_ms"] <= d["took_ms"]
    assert KEY not in json.dumps(d) and "hi" not in json.dumps(d)


def test_rejections_are_explained(gw):
    r = ask(gw, model="two", provider={"only": ["b"]})
    d = admin(gw, "exchanges/" + r.headers["x-request-id"]).json()
    assert d["candidates"][0]["rejected"] == "not_only"
    assert d["candidates"][1]["place"] == 1


def test_the_last_exchanges_are_listed_newest_first(gw):
    ids = [ask(gw, model="two").headers["x-request-id"] for _ in range(6)]
    listed = [row["id"] for row in admin(gw, "exchanges").json()]
    assert listed[:6] == ids[::-1]


def test_only_owners_may_ask_why(gw):
    assert error(admin(gw, "exchanges", key=KEY), 403)["code"] == "not_admin"
    assert error(admin(gw, "exchanges/req-0", key=KEY), 403)["code"] == "not_admin"
    assert error(admin(gw, "route", key=KEY, method="POST", json={}), 403)["code"] == "not_admin"
    assert error(admin(gw, "exchanges", key="sk-none"), 401)["code"] == "invalid_api_key"


def test_an_exchange_that_is_not_kept_is_not_found(gw):
    assert error(admin(gw, "exchanges/req-nothing"), 404)["code"] == "exchange_not_found"


def test_a_dry_run_sends_nothing(gw, mocks):
    body = {"model": "two", "messages": weir.HELLO, "provider": {"ignore": ["a"]}}
    d = admin(gw, "route", method="POST", json=body).json()
    assert d["candidates"][0]["rejected"] == "ignored" and d["candidates"][1]["place"] == 1
    assert mocks[0].records() == mocks[1].records() == []
    d = admin(gw, "route", method="POST", json={**body, "provider": {"zdr": True}}).json()
    assert [c["rejected"] for c in d["candidates"]] == ["zdr", "zdr"]
    assert error(admin(gw, "route?dialect=no", method="POST", json=body), 400)["param"] == "dialect"


def test_the_command_explains(gw):
    request_id = ask(gw, model="two").headers["x-request-id"]
    r = weir.run("explain", "--url", gw.url, "--key", ADMIN, request_id)
    assert r.returncode == 0, r.stdout
    assert request_id in r.stdout and "a/first" in r.stdout and "b/second" in r.stdout
    r = weir.run("explain", "--url", gw.url, "--json", request_id, env={"WEIR_API_KEY": ADMIN})
    assert json.loads(r.stdout)["id"] == request_id
    assert request_id in weir.run("explain", "--url", gw.url, "--key", ADMIN).stdout
    r = weir.run("explain", "--url", gw.url, request_id)
    assert r.returncode == 1 and "key" in r.stdout


def test_the_command_plans_without_a_gateway(tmp_path, mocks):
    config, request = tmp_path / "weir.yaml", tmp_path / "request.json"
    config.write_text(CONFIG.format(key=KEY, admin=ADMIN, a=mocks[0].url, b=mocks[1].url))
    request.write_text(json.dumps({"model": "two", "messages": weir.HELLO, "provider": {"ignore": ["a"]}}))
    mocks[1].reset()
    r = weir.run("route", "--dry-run", "--config", str(config), "--json", str(request))
    assert r.returncode == 0, r.stdout
    assert json.loads(r.stdout)["candidates"][1] == {
        "deployment": "b/second",
        "place": 1,
        "group": 0,
        "score": json.loads(r.stdout)["candidates"][1]["score"],
        "load": json.loads(r.stdout)["candidates"][1]["load"],
        "expected_cost_nano_usd": None,
    }
    assert mocks[1].records() == []
    r = weir.run("route", "--dry-run", "--config", str(config), str(request))
    assert "provider.ignore names it" in r.stdout
    assert KEY not in r.stdout
    assert weir.run("route", str(request)).returncode == 2
    request.write_text("{")
    r = weir.run("route", "--dry-run", "--config", str(config), str(request))
    assert r.returncode == 1 and "JSON" in r.stdout
