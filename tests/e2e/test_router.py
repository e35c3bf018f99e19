"""The router end to end, on real sockets: what tests/sim does with clocks of its own, shorter.

A fleet of four providers, one of which goes dark, lies or is slow; hedges, budgets, several
keys, reloads.  No exact times: what is counted is who was asked how often.
"""

import collections
import concurrent.futures
import threading
import time

import httpx
import pytest
import weir
from sse import Stream

HEAD = """
listen: 127.0.0.1:0
workers: 2
timeouts: {connect: 1s, first_content: 600ms, stall: 2s, total: 20s}
"""
OPEN_S = 0.3
FOREVER = 9000  # a script has at most 10000


@pytest.fixture(scope="module")
def mocks():
    four = [weir.Mock() for _ in range(4)]
    yield four
    for m in four:
        m.stop()


@pytest.fixture
def fleet(mocks):
    """Four providers that are quick and right, until they are told otherwise."""
    for m in mocks:
        m.reset()
        m.options("ttft=5ms..15ms&tokens=4")
    yield mocks
    for m in mocks:
        m.reset()
        m.options("ttft=0s&tokens=16")
        m.check()


def provider_rows(mocks):
    return "\n".join(f"  p{i}: {{base_url: '{m.base}', api_key: k}}" for i, m in enumerate(mocks))


def fleet_config(mocks, open_for=f"{int(OPEN_S * 1000)}ms"):
    return f"""{HEAD}
retries: {{attempts: 4, backoff: 5ms, backoff_max: 10ms}}
breaker: {{failures: 3, open: {open_for}, open_max: {open_for}}}
providers:
{provider_rows(mocks)}
models:
  m:
    slow_start: 1ms
    deployments:
      - {{deployment: p0/m, priority: 1}}
      - {{deployment: p1/m, priority: 1}}
      - {{deployment: p2/m, priority: 1}}
      - {{deployment: p3/m, priority: 1}}
"""


def ask(gw, model="m", stream=False, headers=None, **more):
    body = {"model": model, "messages": weir.HELLO, "stream": stream, **more}
    return gw.http.post(gw.base + "/chat/completions", json=body, headers=headers)


def whole(r, stream=False):
    """It is an answer, and all of it."""
    assert r.status_code == 200, r.text
    if stream:
        s = Stream(r.content)
        assert s.error is None and s.done and s.text(), r.text
    else:
        assert r.json()["choices"][0]["message"]["content"], r.text


def burst(gw, n, model="m", threads=8):
    """n requests, every other one streamed, all of them answered; by whom."""

    def one(i):
        stream = i % 2 == 1
        r = ask(gw, model, stream)
        whole(r, stream)
        return r.headers["x-weir-provider"]

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return collections.Counter(pool.map(one, range(n)))


def asked(gw, provider):
    """Attempts at a provider so far, however they ended."""
    return gw.metric("weir_attempts_total", provider=provider)


def heal(mock):
    """What is left of its script is forgotten."""
    mock.http.delete(mock.url + "/mock/script")


# ---- one of four ------------------------------------------------------------------------------


def test_equals_have_equal_shares(start, fleet):
    g = start(fleet_config(fleet))
    got = burst(g, 240)
    for m in fleet:
        assert 24 <= len(m.records()) <= 96, got


def only_probes(gw, provider):
    """It is left alone, but for what may be a probe: one whenever its breaker's time is over."""
    before, began = asked(gw, provider), time.monotonic()
    got = burst(gw, 100)
    took = time.monotonic() - began
    assert got[provider] == 0
    assert asked(gw, provider) - before <= 2 + took / OPEN_S


def comes_back(gw, provider):
    """In the end it answers its part again."""
    weir.wait_for(lambda: burst(gw, 40)[provider] >= 4, 25, every=0.2, why=f"{provider} does not come back")


@pytest.mark.parametrize(
    "fault",
    [{"fail": "reset"}, {"fail": "stall_head"}, {"fail": "error_200"}, {"fail": "error_first"}, {"status": 503}],
    ids=lambda o: "-".join(str(v) for v in o.values()),
)
def test_one_of_four_fails_and_no_client_sees_it(start, fleet, fault):
    g = start(fleet_config(fleet))
    burst(g, 40)
    fleet[0].script({**fault, "times": FOREVER})
    burst(g, 100)
    weir.wait_for(lambda: g.events("breaker.open"))
    assert g.metric("weir_breaker_opens_total", deployment="p0/m") >= 1
    only_probes(g, "p0")
    assert {e["deployment"] for e in g.events("breaker.open")} == {"p0/m"}
    heal(fleet[0])
    comes_back(g, "p0")
    weir.wait_for(lambda: g.events("breaker.closed"))


def test_one_of_four_goes_dark_and_comes_back(start, fleet):
    """Nobody listens any more: the process is gone."""
    dark = weir.Mock("--tokens", "4")
    mocks = [dark, *fleet[1:]]
    g = start(fleet_config(mocks))
    assert burst(g, 40)["p0"] > 0
    port = dark.port
    dark.stop()
    burst(g, 100)
    weir.wait_for(lambda: g.events("breaker.open"))
    only_probes(g, "p0")
    dark = weir.Mock("--tokens", "4", "--ttft", "10ms", listen=("--listen", f"127.0.0.1:{port}"))
    try:
        comes_back(g, "p0")
    finally:
        dark.stop()


def test_one_of_four_goes_dark_under_load(start, fleet):
    """Requests are in its hands when it goes."""
    dark = weir.Mock("--tokens", "4", "--ttft", "100ms")
    g = start(fleet_config([dark, *fleet[1:]]))
    stop, failures, n = threading.Event(), [], []

    def load(i):
        while not stop.is_set():
            try:
                whole(ask(g, stream=False))
                n.append(i)
            except AssertionError as e:
                failures.append(str(e))

    threads = [threading.Thread(target=load, args=(i,)) for i in range(6)]
    for t in threads:
        t.start()
    weir.wait_for(lambda: len(n) > 30)
    weir.wait_for(lambda: dark.health()["open_requests"] > 0)
    dark.kill()
    after = len(n)
    weir.wait_for(lambda: len(n) > after + 60, 20)
    stop.set()
    for t in threads:
        t.join(20)
    assert failures == []


def test_a_slow_one_gets_little(start, fleet):
    g = start(fleet_config(fleet))
    for m in fleet[1:]:
        m.options("ttft=15ms&tokens=4")
    fleet[0].options("ttft=150ms&tokens=4")
    burst(g, 60)
    got = burst(g, 240)
    assert got["p0"] < 30, got  # a quarter were 60
    assert min(got[f"p{i}"] for i in (1, 2, 3)) > 30, got


def test_all_of_them_dark_is_told_and_over_when_they_are_back(start, fleet):
    g = start(fleet_config(fleet))
    for m in fleet:
        m.script({"status": 503, "times": FOREVER})
    for _ in range(12):
        r = ask(g)
        assert r.status_code in (502, 503), r.text
        assert r.json()["error"]["message"]
    r = ask(g)
    assert r.status_code == 503 and r.json()["error"]["code"] == "no_provider_available", r.text
    assert int(r.headers["retry-after"]) >= 1
    for m in fleet:
        heal(m)
    weir.wait_for(lambda: ask(g).status_code == 200, 10, every=0.1)
    weir.wait_for(lambda: min(burst(g, 40)[f"p{i}"] for i in range(4)) >= 2, 25, every=0.1)


# ---- hedging ----------------------------------------------------------------------------------


def hedged(start, fleet, share="10%", cancel="stops_billing"):
    for m in fleet:
        m.options("ttft=2ms&tokens=4")
    head = HEAD.replace("600ms", "6s")
    return start(
        f"""{head}
retries: {{attempts: 3, backoff: 5ms}}
breaker: {{failures: 0, error_rate: 0%}}
providers:
  a: {{base_url: "{fleet[0].base}", api_key: k, cancel: {cancel}}}
  b: {{base_url: "{fleet[1].base}", api_key: k, cancel: {cancel}}}
models:
  hedged: {{deployments: [a/one, b/two], hedge: {{min_delay: 60ms, share: {share}}}}}
  bare: [a/one, b/two]
"""
    )


def hedges(gw):
    return gw.metric("weir_hedges_total")


def warm_up(gw, n=24):
    """So many answers are known that a percentile of them is."""
    for i in range(n):
        whole(ask(gw, "hedged", i % 2 == 1), i % 2 == 1)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_a_stalled_attempt_is_rescued_by_its_hedge(start, fleet, stream):
    g = hedged(start, fleet)
    warm_up(g)
    assert hedges(g) == 0
    fleet[0].reset()
    fleet[1].reset()
    fleet[0].script({"fail": "stall_head"})
    began = time.monotonic()
    r = ask(g, "hedged", stream)
    took = time.monotonic() - began
    whole(r, stream)
    assert r.headers["x-weir-provider"] == "b"
    assert took < 4, "not as long as a timeout"
    weir.wait_for(lambda: g.metric("weir_hedges_total", outcome="won") == 1)
    assert hedges(g) == 1
    assert fleet[0].record()["end"] == "cancelled"
    assert fleet[1].record()["end"] == "complete"
    record = g.access(25)[24]
    assert "a/one:hedge_lost" in record["attempts"] and "+b/two:ok" in record["attempts"], record
    assert record["end"] == "complete" and record["tries"] == "2"
    assert g.metric("weir_attempts_total", provider="a", outcome="hedge_lost") == 1


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_a_hedge_that_comes_too_late_is_cancelled(start, fleet, stream):
    g = hedged(start, fleet)
    warm_up(g)
    fleet[1].reset()
    fleet[0].script({"ttft": "400ms"})
    fleet[1].script({"fail": "stall_head"})
    r = ask(g, "hedged", stream)
    whole(r, stream)
    assert r.headers["x-weir-provider"] == "a"
    weir.wait_for(lambda: g.metric("weir_hedges_total", outcome="lost") == 1)
    assert fleet[1].record()["end"] == "cancelled"
    record = g.access(25)[24]
    assert "a/one:ok" in record["attempts"] and "+b/two:hedge_lost" in record["attempts"], record


def test_when_both_fail_a_hedged_request_is_tried_on(start, fleet):
    g = hedged(start, fleet)
    warm_up(g)
    fleet[0].script({"ttft": "300ms", "status": 503})
    fleet[1].script({"ttft": "300ms", "status": 503})
    whole(ask(g, "hedged"))


def test_a_client_that_leaves_cancels_both(start, fleet):
    g = hedged(start, fleet)
    warm_up(g)
    for m in fleet[:2]:
        m.reset()
        m.script({"fail": "stall_head"})
    with pytest.raises(httpx.ReadTimeout):
        g.http.post(g.base + "/chat/completions", json={"model": "hedged", "messages": weir.HELLO}, timeout=0.8)
    for m in fleet[:2]:
        assert m.record()["end"] == "cancelled"
    weir.wait_for(lambda: g.metric("weir_hedges_total", outcome="gone") == 1)


def test_without_the_option_nobody_is_hedged(start, fleet):
    g = hedged(start, fleet)
    for _ in range(24):
        whole(ask(g, "bare"))
    fleet[1].reset()
    fleet[0].script({"ttft": "700ms"})
    assert ask(g, "bare").headers["x-weir-provider"] == "a"
    assert fleet[1].records() == [] and hedges(g) == 0


@pytest.mark.parametrize("asked", [{"allow_fallbacks": False}, {"ignore": ["b"]}, {"only": ["a/one"]}], ids=str)
def test_whom_a_request_rules_out_is_no_hedge_either(start, fleet, asked):
    g = hedged(start, fleet)
    warm_up(g)
    fleet[1].reset()
    fleet[0].script({"ttft": "700ms"})
    assert ask(g, "hedged", provider=asked).headers["x-weir-provider"] == "a"
    assert fleet[1].records() == [] and hedges(g) == 0


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_a_hedge_may_speak_another_dialect(start, fleet, stream):
    head = HEAD.replace("600ms", "6s")
    g = start(
        f"""{head}
providers:
  a: {{base_url: "{fleet[0].base}", api_key: k, cancel: stops_billing}}
  b: {{base_url: "{fleet[1].base}", api_key: k, dialect: anthropic, cancel: stops_billing}}
models:
  hedged: {{deployments: [a/one, b/two], hedge: {{min_delay: 60ms}}}}
"""
    )
    warm_up(g)
    fleet[0].reset()
    fleet[1].reset()
    fleet[0].script({"fail": "stall_content"})
    r = ask(g, "hedged", stream)
    whole(r, stream)
    assert r.headers["x-weir-provider"] == "b"
    assert fleet[0].record()["end"] == "cancelled"
    assert fleet[1].record()["path"].endswith("/messages")
    d = g.http.get(g.url + "/admin/v1/exchanges/" + r.headers["x-request-id"]).json()
    assert [(a["deployment"], a["outcome"], a["hedge"]) for a in d["attempts"]] == [
        ("a/one", "hedge_lost", False),
        ("b/two", "ok", True),
    ]


def test_where_cancelling_costs_as_much_nobody_is_hedged(start, fleet):
    g = hedged(start, fleet, cancel="bills")
    warm_up(g)
    fleet[1].reset()
    fleet[0].script({"ttft": "700ms"})
    assert ask(g, "hedged").headers["x-weir-provider"] == "a"
    assert fleet[1].records() == [] and hedges(g) == 0


def test_nothing_is_hedged_before_enough_is_known(start, fleet):
    g = hedged(start, fleet)
    warm_up(g, 10)
    fleet[1].reset()
    fleet[0].script({"ttft": "700ms"})
    assert ask(g, "hedged").headers["x-weir-provider"] == "a"
    assert fleet[1].records() == [] and hedges(g) == 0


def test_hedges_are_bounded_by_their_share(start, fleet):
    """All are slow at once: what was saved up is spent, and then one in twenty."""
    g = hedged(start, fleet, share="5%")
    warm_up(g)
    for m in fleet[:2]:
        m.reset()
        m.options("ttft=500ms&tokens=4")
    burst(g, 60, "hedged", threads=12)
    assert 5 <= hedges(g) <= 10 + 60 * 0.05 + 1


# ---- the budget of retries --------------------------------------------------------------------


def outage_config(fleet, budget):
    return f"""{HEAD}
retries: {{attempts: 4, backoff: 1ms, backoff_max: 2ms}}
breaker: {{failures: 0, error_rate: 0%}}
providers:
{provider_rows(fleet)}
models:
  m: {{deployments: [p0/m, p1/m, p2/m, p3/m], retry_budget: {budget}}}
"""


def test_an_outage_is_not_multiplied(start, fleet):
    g = start(outage_config(fleet, "{share: 10%, burst: 3}"))
    for m in fleet:
        m.script({"status": 503, "times": FOREVER})
    for _ in range(40):
        r = ask(g)
        assert r.status_code in (502, 503), r.text
    sent = sum(len(m.records()) for m in fleet)
    assert 40 < sent <= 40 + 3 + 4
    assert g.metric("weir_retries_refused_total") >= 30


def test_without_a_budget_nothing_is_retried(start, fleet):
    g = start(outage_config(fleet, "{share: 0%, burst: 0}"))
    fleet[0].script({"status": 503, "times": 5})
    assert [ask(g).status_code for _ in range(5)] == [503] * 5
    assert [len(m.records()) for m in fleet] == [5, 0, 0, 0]
    assert g.metric("weir_retries_refused_total") == 5


def test_a_lone_failure_has_its_retries(start, fleet):
    g = start(outage_config(fleet, "{share: 10%, burst: 3}"))
    for m in fleet[:3]:
        m.script({"status": 503})
    r = ask(g)
    whole(r)
    assert r.headers["x-weir-provider"] == "p3" and r.headers["x-weir-attempts"] == "4"
    assert g.metric("weir_retries_refused_total") == 0


# ---- several keys of a provider ---------------------------------------------------------------

GOOD, BAD = "sk-good-0123456789abcdef-GOOD", "sk-bad-0123456789abcdef-BAAD"


def keys_config(base, other, open_for="20s"):
    return f"""{HEAD}
retries: {{attempts: 3, backoff: 5ms, backoff_max: 10ms}}
breaker: {{failures: 5, open: {open_for}, open_max: 60s}}
providers:
  p:
    base_url: "{base}"
    api_keys:
      - {{name: team-good, key: {GOOD}}}
      - {{name: team-bad, key: {BAD}}}
  q: {{base_url: "{other}", api_key: k}}
models:
  m: p/m
  both: [p/m, q/m]
"""


@pytest.fixture
def locked():
    """A provider that takes one key only."""
    m = weir.Mock("--key", GOOD, "--tokens", "4")
    yield m
    m.stop()


def by_key(mock):
    ends = [r["header"]["authorization"][-4:] for r in mock.records()]
    return ends.count(GOOD[-4:]), ends.count(BAD[-4:])


def test_a_refused_key_is_benched_and_nobody_sees_it(start, locked, mock):
    g = start(keys_config(locked.base, mock.base))
    assert sum(burst(g, 40, threads=4).values()) == 40
    good, bad = by_key(locked)
    assert good == 40
    assert 1 <= bad <= 4, "those that were under way"
    weir.wait_for(lambda: g.events("key.benched"))
    assert g.events("key.benched")[0]["key"] == "team-bad"
    assert g.events("breaker.open") == []
    text = " ".join(r["attempts"] for r in g.access(40))
    assert "p/m[team-good]:ok" in text and "p/m[team-bad]:auth/401" in text
    metrics = g.http.get(g.url + "/metrics").text
    for secret in (GOOD, BAD, GOOD[:12], BAD[:12]):
        assert secret not in g.output and secret not in metrics


def test_a_benched_key_is_tried_again(start, locked, mock):
    g = start(keys_config(locked.base, mock.base, open_for="300ms"))
    burst(g, 20, threads=4)
    weir.wait_for(lambda: g.events("key.benched"))
    locked.options(f"key={BAD}")
    locked.reset()
    # Now the other one is right: it is found, and the good one benched.
    weir.wait_for(lambda: ask(g).status_code == 200, 10, every=0.1)
    weir.wait_for(lambda: g.events("key.back"))
    burst(g, 20, threads=4)
    assert by_key(locked)[1] >= 20


def test_a_limited_key_rests_and_the_other_is_asked(start, mock, mock_b):
    mock_b.reset()
    g = start(keys_config(mock.base, mock_b.base))
    mock.script({"status": 429, "retry_after": "30"})
    for _ in range(12):
        whole(ask(g))
    good, bad = by_key(mock)
    assert sorted((good, bad)) == [1, 12], "the one that was limited was asked once"
    assert g.events("breaker.open") == []


def test_when_all_keys_are_refused_the_provider_is_left_out(start, locked, mock):
    locked.options("key=sk-neither-0123456789")
    g = start(keys_config(locked.base, mock.base))
    for _ in range(12):
        whole(ask(g, "both"))
    assert sum(by_key(locked)) == 2, "each key once"
    assert len(mock.records()) == 12
    r = ask(g)
    assert r.status_code in (401, 502, 503), r.text
    assert GOOD not in r.text and BAD not in r.text


def test_the_clients_own_fault_benches_nothing(start, mock, mock_b):
    g = start(keys_config(mock.base, mock_b.base))
    mock.script({"status": 400, "times": 8})
    assert [ask(g).status_code for _ in range(8)] == [400] * 8
    for _ in range(8):
        whole(ask(g))
    assert g.events("key.benched") == [] and by_key(mock) == (8, 8)


def test_keys_take_turns_by_their_weights(start, mock, mock_b):
    config = keys_config(mock.base, mock_b.base).replace(f"key: {GOOD}", f"key: {GOOD}, weight: 3")
    g = start(config.replace("workers: 2", "workers: 1"))
    for _ in range(24):
        whole(ask(g))
    assert by_key(mock) == (18, 6)


# ---- reload -----------------------------------------------------------------------------------


def test_a_reload_keeps_breakers(start, fleet):
    g = start(fleet_config(fleet, "40s"))
    fleet[0].script({"status": 503, "times": FOREVER})
    burst(g, 60)
    weir.wait_for(lambda: g.events("breaker.open"))
    before = len(fleet[0].records())
    for i in range(3):
        g.reload(fleet_config(fleet, "40s") + f"  new-{i}: p1/m\n")
        assert ask(g, f"new-{i}").status_code == 200
        burst(g, 30)
    assert len(fleet[0].records()) == before


def test_a_reload_keeps_benched_keys(start, locked, mock):
    g = start(keys_config(locked.base, mock.base))
    burst(g, 10, threads=2)
    weir.wait_for(lambda: g.events("key.benched"))
    before = by_key(locked)[1]
    g.reload(keys_config(locked.base, mock.base) + "  new: p/m\n")
    burst(g, 10, "new", threads=2)
    assert by_key(locked)[1] == before


def test_a_key_of_another_value_begins_anew(start, locked, mock):
    g = start(keys_config(locked.base, mock.base))
    burst(g, 10, threads=2)
    weir.wait_for(lambda: g.events("key.benched"))
    locked.reset()
    g.reload(keys_config(locked.base, mock.base).replace(BAD, GOOD + "2"))
    locked.options("key=" + GOOD + "2")
    weir.wait_for(lambda: ask(g).status_code == 200, 5)
    assert locked.records()[-1]["status"] == 200


def test_requests_in_hand_survive_a_reload(start, fleet):
    """Streams and hedged ones, of names that are no more afterwards."""
    g = hedged(start, fleet)
    warm_up(g)
    fleet[0].script({"ttft": "10ms", "gap": "40ms", "tokens": 25}, {"fail": "stall_head"})
    fleet[1].script({"ttft": "700ms"})
    fleet[0].http.delete(fleet[0].url + "/mock/records")
    got = {}

    def one(i):
        got[i] = ask(g, "hedged", True)

    threads = []
    for i in range(2):
        threads.append(threading.Thread(target=one, args=(i,)))
        threads[i].start()
        weir.wait_for(lambda i=i: len(fleet[0].records()) > i)
    g.reload(fleet_config(fleet))
    assert ask(g, "hedged").status_code == 404
    for t in threads:
        t.join(20)
    for i in range(2):
        whole(got[i], True)
    assert Stream(got[0].content).text() == fleet[0].text(25)
    assert {got[0].headers["x-weir-provider"], got[1].headers["x-weir-provider"]} == {"a", "b"}
