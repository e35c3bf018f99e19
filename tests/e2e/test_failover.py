"""Which failures are tried again, where, and when not."""

import time

import pytest

from conftest import KEY
from weir import HELLO, wait_for


def ask(gw, name, **more):
    return gw.http.post(
        gw.base + "/chat/completions",
        json={"model": name, "messages": HELLO, **more},
        headers={"authorization": "Bearer " + KEY},
    )


@pytest.mark.parametrize("status", [401, 402, 403, 408, 429, 500, 502, 503, 504, 529])
def test_failover_on_what_another_may_do_better(gw, mock_a, mock_b, status):
    mock_a.script({"status": status, "times": 5})
    assert ask(gw, "two").status_code == 200
    assert len(mock_a.records()) == 1
    assert len(mock_b.records()) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"status": 400},
        {"status": 413},
        {"status": 422},
        {"status": 400, "error_code": "content_filter"},
        {"status": 400, "error_code": "content_policy_violation"},
    ],
    ids=lambda o: "-".join(str(v) for v in o.values()),
)
def test_no_failover_on_the_clients_own_fault(gw, mock_a, mock_b, options):
    mock_a.script(options)
    r = ask(gw, "two")
    assert r.status_code == options["status"]
    assert r.json()["error"]["message"]
    assert len(mock_a.records()) == 1
    assert mock_b.records() == []


def test_a_dead_first_deployment_is_passed_over(gw, mock_b):
    assert ask(gw, "dead-first").status_code == 200
    assert len(mock_b.records()) == 1
    assert "dead/x:connect" in gw.access()[0]["attempts"]
    assert "b/second:ok" in gw.access()[0]["attempts"]


def test_the_second_attempt_has_the_same_body(gw, mock_a, mock_b):
    mock_a.script({"status": 503})
    ask(gw, "two", user="u", seed=9007199254740993)
    first, second = mock_a.record()["body"], mock_b.record()["body"]
    assert first.replace(b'"first"', b'"second"') == second
    assert b"9007199254740993" in second


def test_a_short_retry_after_is_waited_for(gw, mock_a):
    mock_a.script({"status": 429, "retry_after": "1"})
    began = time.monotonic()
    assert ask(gw, "rated-2").status_code == 200
    assert 0.95 < time.monotonic() - began < 5
    assert len(mock_a.records()) == 2


def test_retry_after_in_milliseconds_wins(gw, mock_a):
    mock_a.script({"status": 503, "retry_after": "2", "retry_after_ms": "300"})
    began = time.monotonic()
    assert ask(gw, "rated-3").status_code == 200
    assert 0.28 < time.monotonic() - began < 1.5


def test_a_long_retry_after_is_told_and_not_waited_for(gw, mock_a):
    mock_a.script({"status": 429, "retry_after": "30", "times": 2})
    began = time.monotonic()
    r = ask(gw, "rated-4")
    assert time.monotonic() - began < 1.5
    assert r.status_code == 429
    assert 28 <= int(r.headers["retry-after"]) <= 30
    assert len(mock_a.records()) == 1


def test_a_deployment_that_asked_for_a_pause_is_left_alone_and_says_so(gw, mock_a):
    mock_a.script({"status": 429, "retry_after": "30"})
    assert ask(gw, "rated-6").status_code == 429
    r = ask(gw, "rated-6")
    assert r.status_code == 429
    assert r.json()["error"]["code"] == "upstream_rate_limited"
    assert 25 <= int(r.headers["retry-after"]) <= 30
    assert len(mock_a.records()) == 1


def test_a_rate_limit_is_of_one_model_and_not_of_its_provider(gw, mock_a):
    mock_a.script({"status": 429, "retry_after": "30"})
    assert ask(gw, "a/large").status_code == 429
    assert ask(gw, "a/small").status_code == 200


def test_a_broken_model_does_not_close_the_way_to_its_providers_others(start, mock):
    g = start(
        f"""
listen: 127.0.0.1:0
workers: 1
retries: {{attempts: 1}}
breaker: {{failures: 2, open: 30s}}
providers:
  a: {{base_url: "{mock.base}"}}
"""
    )

    def one(model):
        return g.http.post(g.base + "/chat/completions", json={"model": model, "messages": HELLO}).status_code

    mock.script({"status": 500, "model": "broken", "times": 4})
    assert [one("a/broken") for _ in range(4)] == [502] * 4
    assert one("a/sound") == 200


def test_an_absurd_retry_after_is_cut(start, mock):
    g = start(
        f"""
listen: 127.0.0.1:0
workers: 1
breaker: {{rest_max: 1s}}
providers:
  a: {{base_url: "{mock.base}"}}
models:
  m: a/m
"""
    )

    def one():
        return g.http.post(g.base + "/chat/completions", json={"model": "m", "messages": HELLO}).status_code

    mock.script({"status": 429, "retry_after": "99999999"})
    assert one() == 429, "that is not waited for"
    began = time.monotonic()
    assert one() == 200
    assert 0.5 < time.monotonic() - began < 4, "but rest_max is"


def test_a_rate_limit_with_another_deployment_is_not_waited_for(gw, mock_a, mock_b):
    mock_a.script({"status": 429, "retry_after": "1"})
    began = time.monotonic()
    assert ask(gw, "rated-pair").status_code == 200
    assert time.monotonic() - began < 0.9
    assert len(mock_b.records()) == 1


def test_a_connection_closed_under_a_request_is_not_a_failure(gw, mock_a):
    """The provider closes kept connections unannounced: the request is sent once more."""
    for _ in range(4):
        assert ask(gw, "a/m?close_after=1").status_code == 200
    records = gw.access(4)
    assert all(r["end"] == "complete" and r["tries"] == "1" for r in records)


@pytest.mark.parametrize("fault", ["close", "reset"])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_a_kept_connection_that_breaks_is_not_a_failed_attempt(start, mock, fault, stream):
    """It was closed under the request, with no byte answered: unseen, it is sent once more."""
    g = start(f"listen: 127.0.0.1:0\nworkers: 1\nretries: {{attempts: 1}}\nproviders:\n  a: {{base_url: '{mock.base}'}}\n")
    body = {"model": "a/m", "messages": HELLO, "stream": stream}
    assert g.http.post(g.base + "/chat/completions", json=body).status_code == 200
    mock.script({"fail": fault})
    assert g.http.post(g.base + "/chat/completions", json=body).status_code == 200
    records = mock.records()
    assert [r["connection"] - records[0]["connection"] for r in records] == [0, 0, 1]
    assert [r["body"] for r in records[1:]] == [records[0]["body"]] * 2
    assert [r["tries"] for r in g.access(2)] == ["1", "1"]
    wait_for(lambda: g.metric("weir_pool_resent_total") == 1)
    # On a fresh connection the same is a failure.
    mock.script({"fail": fault, "times": 2})
    assert g.http.post(g.base + "/chat/completions", json=body).status_code == 502


def test_connections_are_kept(start, mock):
    g = start(f"listen: 127.0.0.1:0\nworkers: 1\nproviders:\n  a: {{base_url: '{mock.base}'}}\n")
    for i in range(10):
        assert g.http.post(g.base + "/chat/completions", json={"model": "a/m", "messages": HELLO, "stream": i % 2 == 0}).status_code == 200
    assert len({r["connection"] for r in mock.records()}) == 1
    # Gauges and sums of the loops are published once a second.
    wait_for(lambda: g.metric("weir_pool_reused_total") == 9)
    assert g.metric("weir_pool_opened_total") == 1


def test_weights_share_and_priorities_order(start, mock):
    g = start(
        f"""
listen: 127.0.0.1:0
providers:
  a: {{base_url: "{mock.base}"}}
models:
  shared:
    - {{deployment: a/one, weight: 3, priority: 1}}
    - {{deployment: a/two, weight: 1, priority: 1}}
    - {{deployment: a/spare, priority: 2}}
"""
    )
    for _ in range(80):
        assert g.http.post(g.base + "/chat/completions", json={"model": "shared", "messages": HELLO}).status_code == 200
    got = [r["model"] for r in mock.records()]
    assert "spare" not in got
    assert 8 <= got.count("two") <= 38
    mock.script({"status": 500, "model": "one", "times": 50}, {"status": 500, "model": "two", "times": 50})
    assert g.http.post(g.base + "/chat/completions", json={"model": "shared", "messages": HELLO}).status_code == 200


def test_the_breaker_opens_and_closes(start, mock):
    g = start(
        f"""
listen: 127.0.0.1:0
workers: 1
retries: {{attempts: 1}}
breaker: {{failures: 3, open: 600ms, open_max: 2s}}
providers:
  a: {{base_url: "{mock.base}"}}
models:
  m: a/m
"""
    )

    def one():
        return g.http.post(g.base + "/chat/completions", json={"model": "m", "messages": HELLO})

    mock.script({"status": 500, "times": 3})
    assert [one().status_code for _ in range(3)] == [502, 502, 502]
    r = one()
    assert r.status_code == 503
    assert r.json()["error"]["code"] == "no_provider_available"
    assert int(r.headers["retry-after"]) >= 1
    assert len(mock.records()) == 3, "left alone"
    wait_for(lambda: g.events("breaker.open"))
    wait_for(lambda: one().status_code == 200, 5, every=0.1)
    wait_for(lambda: g.events("breaker.closed"))
    assert one().status_code == 200
    assert g.metric("weir_attempts_total", provider="a", outcome="server_error") == 3


def test_the_breaker_spares_one_deployment_and_uses_the_other(start, mock):
    g = start(
        f"""
listen: 127.0.0.1:0
workers: 1
breaker: {{failures: 2, open: 30s}}
providers:
  a: {{base_url: "{mock.base}"}}
models:
  m: [a/bad, a/good]
"""
    )
    mock.script({"status": 500, "model": "bad", "times": 100})
    for _ in range(6):
        assert g.http.post(g.base + "/chat/completions", json={"model": "m", "messages": HELLO}).status_code == 200
    assert [r["model"] for r in mock.records()].count("bad") == 2


def test_the_total_time_bounds_all_attempts(start, mock):
    g = start(
        f"""
listen: 127.0.0.1:0
timeouts: {{first_content: 700ms, total: 1s}}
retries: {{attempts: 5, backoff: 10ms}}
providers:
  a: {{base_url: "{mock.base}"}}
"""
    )
    began = time.monotonic()
    r = g.http.post(g.base + "/chat/completions", json={"model": "a/m?fail=stall_head", "messages": HELLO})
    assert r.status_code == 504
    assert 0.9 < time.monotonic() - began < 2.5
