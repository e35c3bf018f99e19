"""Whom the config chooses, on real sockets: strategies, tiers, routes and their rules, sessions,
what a model can do, previews; and that no request, however odd, does more than be refused."""

import collections
import json

import dialects
import pytest
import weir

APP, BATCH, TESTER = "sk-app-0123456789abcdef", "sk-batch-0123456789abcdef", "sk-tester-0123456789abcdef"
NARROW, TIERED, OPENAI = "sk-narrow-0123456789abcdef", "sk-tiered-0123456789abcdef", "sk-openai-0123456789abcdef"

CATALOGUE = """
- {provider: p, id: plain, kind: chat, context_window: 4096, max_output: 1024, modalities_in: [text],
   supports: {tools: false, json_schema: false}, price_per_mtok: {input: 1, output: 2}}
- {provider: p, id: able, kind: chat, context_window: 200000, max_output: 64000, modalities_in: [text, image],
   supports: {tools: true, json_schema: true}, price_per_mtok: {input: 4, output: 8}}
- {provider: p, id: lesser, kind: chat, context_window: 4096, max_output: 512, modalities_in: [text],
   supports: {tools: false, json_schema: false}}
- {provider: p, id: gift, kind: chat, price_per_mtok: {input: 0, output: 0}}
- {provider: p, id: cheap, kind: chat, price_per_mtok: {input: 1, output: 2}}
- {provider: p, id: middle, kind: chat, price_per_mtok: {input: 2, output: 4}}
- {provider: p, id: dear, kind: chat, price_per_mtok: {input: 20, output: 40}}
"""

CONFIG = """
listen: 127.0.0.1:0
workers: 1
keys:
  - {{name: app, key: {app}}}
  - {{name: batch, key: {batch}}}
  - {{name: tester, key: {tester}, preview: true}}
  - {{name: narrow, key: {narrow}, models: [wild, solo, below-price]}}
  - {{name: tiered, key: {tiered}, models: [auto, mini]}}
  - {{name: openai, key: {openai}, models: ["openai/*"]}}
timeouts: {{connect: 1s, first_content: 5s, stall: 5s, total: 20s}}
retries: {{attempts: 3, backoff: 5ms, backoff_max: 10ms}}
breaker: {{failures: 0, error_rate: 0%}}
catalogue: {catalogue}
providers:
  p: {{base_url: "{url}/v1", api_key: k}}
  openai: {{base_url: "{url}/v1", api_key: k}}
  anthropic: {{base_url: "{url}/v1", api_key: k}}
models:
  small: openai/gpt-4o-mini
  big: {{deployments: openai/gpt-4.1, aliases: [large, "the/largest"]}}
  opus: anthropic/claude-opus-4-6

  capable: [p/plain, p/able]
  incapable: [p/plain, p/lesser]
  known: [openai/gpt-3.5-turbo-0301, anthropic/claude-haiku-4-5]

  by-price: {{deployments: [p/dear, p/middle, p/cheap], strategy: cheapest}}
  by-known-price: {{deployments: [anthropic/claude-opus-4-6, openai/gpt-4o, openai/gpt-4o-mini], strategy: cheapest}}
  unpriced-last: {{deployments: [p/unknown, p/dear], strategy: cheapest}}
  with-gift: [p/dear, p/gift]
  in-turn: {{deployments: [p/one, p/two, p/three], strategy: round_robin}}
  drawn:
    deployments: [{{deployment: p/one, weight: 9}}, p/two]
    strategy: weighted
  by-speed: {{deployments: [p/slow, p/quick, p/slower], strategy: fastest}}
  first: [p/one, p/two, p/three]
  numbered: [{{deployment: p/one, priority: 3}}, {{deployment: p/two, priority: 1}}, {{deployment: p/three, priority: 2}}]
  by-quality:
    deployments:
      - {{deployment: p/cheap, quality: 0.3}}
      - {{deployment: p/middle, quality: 0.7}}
      - {{deployment: p/dear, quality: 0.9}}
    strategy: quality
    min_quality: 0.6
  solo: p/solo
  below-price: {{deployments: [p/dear, p/cheap], max_price: {{input: 5}}}}

  session:
    deployments:
      - {{deployment: p/s1, priority: 1}}
      - {{deployment: p/s2, priority: 1}}
      - {{deployment: p/s3, priority: 1}}
      - {{deployment: p/s4, priority: 1}}
    sticky: {{ttl: 1m, max_load: 10000%}}

  next: {{deployments: p/next, preview: true}}
  partly: [{{deployment: p/next, preview: true}}, p/now]
routes:
  wild: {{models: ["sm*", "o*s"]}}
  of-p: {{models: ["p/thr*", first]}}
  tiers: {{models: [mini, opus]}}
  smart:
    models: [first, by-price, capable]
    rules:
      - {{name: private, when: {{metadata: {{data: private}}}}, use: [p/three]}}
      - {{name: counted, when: {{metadata: {{n: "7", who: "*"}}}}, use: [p/two]}}
      - {{name: tagged, when: {{tags: [vip, beta]}}, use: [p/dear]}}
      - {{name: batch, when: {{keys: [batch]}}, strategy: cheapest, use: [by-price]}}
      - {{name: pictures, when: {{media: [image]}}, use: [p/able]}}
      - {{name: tools, when: {{needs: [tools], stream: false}}, use: [p/able]}}
      - {{name: long, when: {{prompt_tokens_over: 2000}}, use: [p/middle]}}
      - {{name: streamed, when: {{stream: true}}, use: [p/cheap]}}
"""

WEATHER = {
    "name": "get_weather",
    "description": "The weather.",
    "schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
SHAPE = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def mock():
    m = weir.Mock()
    yield m
    m.stop()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, mock):
    folder = tmp_path_factory.mktemp("choice")
    (folder / "models.yaml").write_text(CATALOGUE)
    g = weir.Gateway(
        folder,
        CONFIG.format(
            app=APP,
            batch=BATCH,
            tester=TESTER,
            narrow=NARROW,
            tiered=TIERED,
            openai=OPENAI,
            url=mock.url,
            catalogue=folder / "models.yaml",
        ),
    )
    g.auth = {"authorization": "Bearer " + APP}
    yield g
    g.stop()


@pytest.fixture
def gw(gateway, mock):
    mock.reset()
    gateway.mark()
    yield gateway
    gateway.check()
    mock.check()


def ask(gw, model, key=APP, headers=None, **more):
    body = {"model": model, "messages": weir.HELLO, **more}
    return gw.http.post(
        gw.base + "/chat/completions", json=body, headers={"authorization": "Bearer " + key, **(headers or {})}
    )


def went_to(gw, model, **more):
    """The deployment that answered."""
    r = ask(gw, model, **more)
    assert r.status_code == 200, r.text
    return r.headers["x-weir-provider"] + "/" + r.headers["x-weir-model"]


def spread(gw, model, n, **more):
    return collections.Counter(went_to(gw, model, **more) for _ in range(n))


def say(gw, client, model, c, stream=False, key=APP, **more):
    """Asks in a client's dialect."""
    headers = {**client.headers, **client.auth(key), "content-type": "application/json"}
    body = {**client.write(c, model, stream), **more}
    return gw.http.post(gw.url + client.path(model, stream), content=json.dumps(body), headers=headers)


def user(*parts):
    return {"role": "user", "parts": [p if isinstance(p, dict) else {"text": p} for p in parts]}


IMAGE = {"image": dialects.PNG, "mime": "image/png"}
EACH_CLIENT = pytest.mark.parametrize("client", dialects.CLIENTS, ids=lambda d: d.name)


def refused(r, *words, code="no_candidate", status=400):
    assert r.status_code == status if status else 400 <= r.status_code < 500, r.text
    e = r.json()["error"]
    assert code is None or e["code"] == code, r.text
    for w in words:
        assert w in e["message"], r.text
    return e


# ---- strategies -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model, wanted",
    [
        ("by-price", "p/cheap"),
        ("by-known-price", "openai/gpt-4o-mini"),
        ("unpriced-last", "p/dear"),
        ("first", "p/one"),
        ("numbered", "p/two"),
        ("by-quality", "p/middle"),
        ("below-price", "p/cheap"),
        ("with-gift", "p/dear"),
        ("with-gift:floor", "p/gift"),
        ("with-gift:free", "p/gift"),
    ],
)
def test_the_strategy_decides(gw, model, wanted):
    assert spread(gw, model, 5) == {wanted: 5}


def test_the_cheapest_that_fails_is_followed_by_the_next(gw, mock):
    mock.script({"status": 503, "model": "cheap"})
    assert went_to(gw, "by-price") == "p/middle"


def test_in_turn_all_are_asked_as_often(gw):
    assert spread(gw, "in-turn", 12) == {"p/one": 4, "p/two": 4, "p/three": 4}


def test_a_draw_goes_by_weight(gw):
    got = spread(gw, "drawn", 120)
    assert 1 <= got["p/two"] <= 36, got


def test_the_fastest_is_found(gw, mock):
    times = {"slow": "80ms", "quick": "5ms", "slower": "120ms"}
    mock.script(*[{"ttft": t, "model": m, "times": 200} for m, t in times.items()])
    spread(gw, "by-speed", 20)
    got = spread(gw, "by-speed", 20)
    assert got["p/quick"] >= 15, got


def test_a_ceiling_that_all_exceed(gw):
    every = ("p/cheap", "p/middle", "p/dear")
    refused(ask(gw, "by-price", max_tokens=100, max_cost_usd=0.000001), *every, "(max_cost_usd)")
    refused(ask(gw, "by-price", provider={"max_price": {"prompt": 0.5}}), *every, "(max_price)")
    refused(ask(gw, "by-price", max_cost_usd=0), *every)
    refused(ask(gw, "unpriced-last", provider={"max_price": {"prompt": 1}}), "p/unknown", "(unpriced)", "p/dear", "(max_price)")
    assert went_to(gw, "with-gift", max_cost_usd=0) == "p/gift"


# ---- names that stand for several -------------------------------------------------------------


@pytest.mark.parametrize("name", ["big", "large", "the/largest"])
def test_a_model_has_several_names(gw, name):
    assert went_to(gw, name) == "openai/gpt-4.1"


def test_a_tier_stands_for_its_models(gw):
    mini, flagship = spread(gw, "mini", 12), spread(gw, "flagship", 12)
    assert set(mini) <= {"openai/gpt-4o-mini", "anthropic/claude-haiku-4-5"}, mini
    assert set(flagship) <= {"openai/gpt-4.1", "anthropic/claude-opus-4-6", "openai/gpt-4o"}, flagship
    refused(ask(gw, "reasoning"), status=404, code="model_not_found")


def test_auto_stands_for_all(gw):
    assert went_to(gw, "auto")
    assert went_to(gw, "auto", provider={"only": ["anthropic"]}).startswith("anthropic/")
    assert went_to(gw, "auto", provider={"only": ["p/able"]}) == "p/able"


@pytest.mark.parametrize(
    "route, ways",
    [
        ("wild", ["openai/gpt-4o-mini", "anthropic/claude-opus-4-6"]),
        ("of-p", ["p/three", "p/one", "p/two"]),
    ],
)
def test_a_route_is_of_patterns_in_their_order(gw, mock, route, ways):
    for n, wanted in enumerate(ways):
        mock.reset()
        mock.script(*[{"status": 503, "model": w.split("/")[1], "times": 1} for w in ways[:n]])
        assert went_to(gw, route) == wanted


def test_a_route_takes_tiers(gw):
    assert went_to(gw, "tiers") in ("openai/gpt-4o-mini", "anthropic/claude-haiku-4-5")
    assert went_to(gw, "tiers", provider={"only": ["anthropic/claude-opus-4-6"]}) == "anthropic/claude-opus-4-6"


def test_the_list_of_models_names_what_may_be_asked_for(gw):
    listed = {m["id"] for m in gw.http.get(gw.base + "/models", headers=gw.auth).json()["data"]}
    assert {"small", "big", "large", "wild", "smart", "by-price"} <= listed
    assert "next" not in listed
    listed = gw.http.get(gw.base + "/models", headers={"authorization": "Bearer " + TESTER}).json()["data"]
    assert "next" in {m["id"] for m in listed}


# ---- what a key may use -----------------------------------------------------------------------


def test_a_key_may_use_all_of_a_name_that_it_has(gw):
    assert went_to(gw, "wild", key=NARROW) == "openai/gpt-4o-mini"
    assert went_to(gw, "mini", key=TIERED) in ("openai/gpt-4o-mini", "anthropic/claude-haiku-4-5")
    assert went_to(gw, "auto", key=TIERED)
    refused(ask(gw, "small", key=TIERED), "small", code="model_not_allowed", status=403)


def test_of_auto_a_key_may_use_what_it_may_use_anyway(gw):
    assert went_to(gw, "auto", key=OPENAI).startswith("openai/")
    refused(ask(gw, "auto", key=OPENAI, provider={"only": ["anthropic"]}), "(account)", "(not_only)")
    refused(ask(gw, "flagship", key=NARROW), "(account)")


def test_further_models_of_a_request_must_be_allowed_too(gw, mock):
    refused(ask(gw, "solo", key=NARROW, models=["opus"]), "opus", code="model_not_allowed", status=403)
    refused(ask(gw, "auto", key=TIERED, models=["smart"]), code=None, status=None)
    assert mock.records() == []


def test_further_models_of_a_request_keep_their_policy(gw, mock):
    """What a model is not to use it does not use either when another one was asked for first."""
    assert went_to(gw, "below-price") == "p/cheap"
    mock.script({"status": 503, "model": "solo", "times": 9})
    assert went_to(gw, "solo", key=NARROW, models=["below-price"]) == "p/cheap"
    assert "dear" not in {r["model"] for r in mock.records()}


def test_further_models_of_a_request_keep_their_rules(gw, mock):
    mock.script({"status": 503, "model": "solo", "times": 9})
    assert went_to(gw, "solo", models=["smart"], metadata={"data": "private"}) == "p/three"


# ---- rules of a route -------------------------------------------------------------------------

LONG = [{"role": "user", "content": "many words, one after the other. " * 600}]
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
PICTURE = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is it?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64," + dialects.PNG}},
        ],
    }
]


@pytest.mark.parametrize(
    "asked, wanted",
    [
        ({}, "p/one"),
        ({"metadata": {"data": "private"}}, "p/three"),
        ({"metadata": {"data": "priv\\u0061te"}}, "p/one"),
        ({"metadata": {"data": "public"}}, "p/one"),
        ({"metadata": {"n": 7, "who": "me"}}, "p/two"),
        ({"metadata": {"n": "7", "who": "me", "other": "x"}}, "p/two"),
        ({"metadata": {"n": "7"}}, "p/one"),
        ({"headers": {"x-weir-tags": "vip"}}, "p/dear"),
        ({"headers": {"x-weir-tags": "a,  beta ,b"}}, "p/dear"),
        ({"headers": {"x-weir-tags": "vip2,VIP"}}, "p/one"),
        ({"key": BATCH}, "p/cheap"),
        ({"key": BATCH, "metadata": {"data": "private"}}, "p/three"),
        ({"messages": PICTURE}, "p/able"),
        ({"tools": [TOOL]}, "p/able"),
        ({"messages": LONG}, "p/middle"),
        ({"stream": True}, "p/cheap"),
        ({"stream": True, "messages": LONG}, "p/middle"),
    ],
    ids=lambda v: json.dumps(v)[:60],
)
def test_the_first_rule_that_holds_decides(gw, asked, wanted):
    assert went_to(gw, "smart", **asked) == wanted


def test_a_strategy_of_the_request_stands_above_the_rules(gw):
    assert went_to(gw, "smart", key=BATCH, route={"strategy": "priority"}) == "p/dear"


def test_what_a_rule_uses_may_fail_too(gw, mock):
    """There is nobody else in it: the rule says who may have it."""
    mock.script({"status": 503, "times": 9})
    r = ask(gw, "smart", metadata={"data": "private"})
    assert r.status_code == 503, r.text
    assert {x["model"] for x in mock.records()} == {"three"}


@EACH_CLIENT
def test_rules_see_tools_and_pictures_of_every_dialect(gw, mock, client):
    for c in ({"turns": [user("Weather?")], "tools": [WEATHER]}, {"turns": [user("What is it?", IMAGE)]}):
        mock.reset()
        r = say(gw, client, "smart", c)
        assert r.status_code == 200, r.text
        assert mock.records()[0]["model"] == "able"


@EACH_CLIENT
def test_rules_see_streams_of_every_dialect(gw, mock, client):
    r = say(gw, client, "smart", {"turns": [user("Hello.")]}, stream=True)
    assert r.status_code == 200, r.text
    assert mock.records()[0]["model"] == "cheap"


# ---- sessions ---------------------------------------------------------------------------------

@pytest.fixture
def steady(gw, mock):
    """They take as long as each other: of a millisecond here or there one would think more."""
    mock.options("ttft=30ms")
    yield gw
    mock.options("ttft=0s")


SESSIONS = {
    "session_id": lambda s: {"session_id": s},
    "prompt_cache_key": lambda s: {"prompt_cache_key": s},
    "X-Session-Id": lambda s: {"headers": {"x-session-id": s}},
}


@pytest.mark.parametrize("how", list(SESSIONS))
def test_a_session_stays_where_it_is(steady, how):
    homes = collections.Counter()
    for s in range(12):
        got = spread(steady, "session", 3, **SESSIONS[how](f"{how}-{s}"))
        assert len(got) == 1, (s, got)
        homes.update(got)
    assert len(homes) >= 2, "all sessions are in one place"


def test_the_beginning_of_a_prompt_is_a_session_too(steady):
    homes = collections.Counter()
    for s in range(12):
        begin = [{"role": "system", "content": f"You are number {s}. " + "Be kind. " * 300}]
        got = collections.Counter()
        for turn in range(3):
            messages = [*begin, {"role": "user", "content": "x" * 100 + str(turn)}]
            got[went_to(steady, "session", messages=messages)] += 1
        assert len(got) == 1, (s, got)
        homes.update(got)
    assert len(homes) >= 2


def test_a_session_moves_on_when_its_deployment_is_dark(steady, mock):
    home = went_to(steady, "session", session_id="moves")
    mock.script({"fail": "reset", "model": home.split("/")[1], "times": 100})
    after = went_to(steady, "session", session_id="moves")
    assert after != home
    mock.reset()
    assert spread(steady, "session", 6, session_id="moves") == {after: 6}, "where it is now"


def test_sessions_of_two_keys_have_nothing_in_common(steady):
    homes = [[went_to(steady, "session", session_id=f"s{i}", key=k) for k in (APP, BATCH)] for i in range(12)]
    assert any(a != b for a, b in homes)


# ---- what they can do -------------------------------------------------------------------------

NEEDS = {
    "tools": ({"turns": [user("Weather?")], "tools": [WEATHER]}, "(tools)"),
    "image": ({"turns": [user("What is it?", IMAGE)]}, "(media)"),
    "schema": ({"turns": [user("Is it?")], "schema": SHAPE}, "(json_schema)"),
    "context": ({"turns": [user("many words, one after the other. " * 1500)]}, "(context)"),
    "output": ({"turns": [user("Go on.")], "max_tokens": 3000}, "(max_output)"),
}


@EACH_CLIENT
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_without_needs_the_first_is_asked(gw, mock, client, stream):
    r = say(gw, client, "capable", {"turns": [user("Hello.")], "max_tokens": 100}, stream)
    assert r.status_code == 200, r.text
    assert mock.record()["model"] == "plain"


@EACH_CLIENT
@pytest.mark.parametrize("need", list(NEEDS))
def test_a_request_goes_to_whom_can_do_it(gw, mock, client, need):
    c, _ = NEEDS[need]
    r = say(gw, client, "capable", c)
    assert r.status_code == 200, r.text
    assert mock.record()["model"] == "able"


@EACH_CLIENT
@pytest.mark.parametrize("need", list(NEEDS))
def test_when_nobody_can_it_is_said_of_whom_and_why(gw, mock, client, need):
    c, rule = NEEDS[need]
    r = say(gw, client, "incapable", c)
    assert r.status_code == 400, r.text
    message = client.error(r.json())
    assert "p/plain" in message and "p/lesser" in message and message.count(rule) == 2, message
    assert mock.records() == []


def test_the_shipped_catalogue_knows_too(gw):
    assert went_to(gw, "known") == "openai/gpt-3.5-turbo-0301"
    assert went_to(gw, "known", tools=[TOOL]) == "anthropic/claude-haiku-4-5"
    assert went_to(gw, "known", messages=PICTURE) == "anthropic/claude-haiku-4-5"
    refused(
        ask(gw, "known", messages=[{"role": "user", "content": "abcdefgh " * 160000}]),
        "openai/gpt-3.5-turbo-0301",
        "anthropic/claude-haiku-4-5",
        "(context)",
    )


def test_a_failed_able_one_is_not_followed_by_one_that_is_not(gw, mock):
    mock.script({"status": 503, "times": 9})
    assert ask(gw, "capable", tools=[TOOL]).status_code == 503
    assert {r["model"] for r in mock.records()} == {"able"}


# ---- previews ---------------------------------------------------------------------------------


def test_a_preview_is_for_keys_that_may(gw, mock):
    assert went_to(gw, "next", key=TESTER) == "p/next"
    assert went_to(gw, "partly", key=TESTER) == "p/next"
    assert went_to(gw, "partly") == "p/now"
    refused(ask(gw, "next"), "p/next", "(preview)")
    refused(ask(gw, "p/next"), "p/next", "(preview)")
    mock.reset()
    refused(ask(gw, "partly", provider={"only": ["p/next"]}), "p/next", "(preview)")
    assert mock.records() == []


# ---- what is too much -------------------------------------------------------------------------


def nested(depth, inner=b"1"):
    return b"[" * depth + inner + b"]" * depth


def raw(gw, body):
    return gw.http.post(gw.base + "/chat/completions", content=body, headers={**gw.auth, "content-type": "application/json"})


@pytest.mark.parametrize("where", ["order", "only", "ignore"])
def test_a_list_of_names_has_an_end(gw, mock, where):
    e = refused(ask(gw, "first", provider={where: [f"x{i}" for i in range(65)]}), "65", "64", code="invalid_value")
    assert e["param"] == "provider." + where
    refused(ask(gw, "first", provider={where: [f"x{i}" for i in range(5000)]}), code="invalid_value")
    refused(ask(gw, "first", provider={where: ["x" * 257]}), "256", code="invalid_value")
    assert mock.records() == []


def test_names_up_to_the_limits_are_taken(gw):
    names = [f"x{i}" for i in range(62)] + ["y" * 256, "p/two"]
    assert went_to(gw, "first", provider={"order": names}) == "p/two"
    assert went_to(gw, "first", provider={"ignore": [*names[:-1], "p/one"]}) == "p/two"


def test_so_many_models_may_be_asked_for(gw):
    assert went_to(gw, "first", models=["numbered"] * 32) == "p/one"
    e = refused(ask(gw, "first", models=["numbered"] * 33), "33", "32", code="invalid_value")
    assert e["param"] == "models"


@pytest.mark.parametrize("n", [200, 257, 4000, 300000])
def test_a_long_name_is_not_found(gw, mock, n):
    for name in ("m" * n, "p" * n + "/m", "first:" + "f" * n, "first" + ":nitro" * (n // 6) + ":no"):
        r = ask(gw, name)
        assert r.status_code in (400, 404), r.text[:500]
        assert len(r.text) < 3000, "it is not told at its whole length"
    assert mock.records() == []


def test_a_long_name_of_an_open_provider_is_the_providers_matter(gw):
    assert ask(gw, "p/" + "m" * 3000).status_code in (200, 400, 404)


def test_many_suffixes_are_as_good_as_one(gw):
    assert went_to(gw, "first" + ":floor" * 50) in ("p/one", "p/two", "p/three")


@pytest.mark.parametrize("member", ["provider", "models", "route", "usage", "metadata", "session_id", "max_cost_usd"])
@pytest.mark.parametrize("depth", [40, 600, 50000])
def test_deep_values_are_refused(gw, member, depth):
    body = b'{"model":"smart","messages":[{"role":"user","content":"hi"}],"%s":%s}' % (member.encode(), nested(depth))
    r = raw(gw, body)
    assert r.status_code in ((200, 400) if member == "metadata" else (400,)), r.text[:500]
    if r.status_code == 400:
        assert r.json()["error"]["message"]


@pytest.mark.parametrize("depth", [600, 50000])
def test_deep_names_within_lists_are_refused(gw, depth):
    for text in (b'{"order":%s}', b'{"max_price":{"prompt":%s}}', b'{"sort":{"by":%s}}', b'{"preferred_max_latency":{"p90":%s}}'):
        body = b'{"model":"first","messages":[{"role":"user","content":"hi"}],"provider":%s}' % (text % nested(depth))
        r = raw(gw, body)
        assert r.status_code == 400 and r.json()["error"]["message"], r.text[:500]


def test_much_metadata_is_looked_at_as_far_as_it_goes(gw):
    much = {f"k{i}": "v" for i in range(3000)}
    assert ask(gw, "smart", metadata=much).status_code in (200, 400)
    assert went_to(gw, "smart", metadata={"data": "private", **much}) == "p/three"


def test_long_sessions_and_tags(gw):
    r = ask(gw, "session", session_id="s" * 257)
    refused(r, code="invalid_value")
    assert went_to(gw, "session", headers={"x-session-id": "s" * 8000}).startswith("p/")
    assert went_to(gw, "smart", headers={"x-weir-tags": "t," * 8000 + "vip"}) == "p/dear"


@pytest.mark.parametrize(
    "members",
    [
        b'"provider":{},"provider":{}',
        b'"models":[],"models":[]',
        b'"deadline_ms":1e99',
        b'"max_cost_usd":1e-400',
        b'"max_cost_usd":99999999999999999999999999',
        b'"min_quality":1.1',
        b'"region":[]',
    ],
)
def test_odd_values(gw, members):
    r = raw(gw, b'{"model":"first","messages":[{"role":"user","content":"hi"}],%s}' % members)
    assert r.status_code in (200, 400), r.text
    assert r.status_code == 200 or r.json()["error"]["message"]
