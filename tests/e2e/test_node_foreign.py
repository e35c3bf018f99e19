"""Runs the suites of the official clients for Node against providers of every other dialect
(node/foreign-*.test.js), each test one of ours."""

import os
import re
import subprocess

import pytest
import weir
from foreign import ALL, KEY


FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node")

# client: (its suite, its own dialect)
SUITES = {
    "openai": ("foreign-openai.test.js", "openai"),
    "responses": ("foreign-responses.test.js", "responses"),
    "anthropic": ("foreign-anthropic.test.js", "anthropic"),
    "genai": ("foreign-genai.test.js", "gemini"),
    "ai-openai": ("foreign-ai.test.js", "openai"),
    "ai-responses": ("foreign-ai.test.js", "responses"),
    "ai-anthropic": ("foreign-ai.test.js", "anthropic"),
    "ai-google": ("foreign-ai.test.js", "gemini"),
}


def titles():
    """What the suites' tests are called; each is there for every foreign provider."""
    for client, (file, own) in SUITES.items():
        with open(os.path.join(FOLDER, file), encoding="utf-8") as f:
            found = re.findall(r"^(each|both)\(\s*'([^']+)'", f.read(), re.M)
        for to in ALL:
            for kind, name in found if to != own else []:
                for mode in ["plain", "stream"] if kind == "both" else [""]:
                    yield client, f"{to} {mode}".rstrip() + f": {name}"


@pytest.fixture(scope="module")
def results():
    """Each suite is run once, when its first test asks."""
    return {}


def outcomes(results, foreign, client):
    """title -> (ok, skipped, what was printed)"""
    if client in results:
        return results[client]
    file, own = SUITES[client]
    env = {"WEIR_URL": foreign.url, "WEIR_KEY": KEY, "MOCK_URL": foreign.mock.url, "WEIR_OWN": own}
    r = subprocess.run(
        ["node", "--test", "--test-reporter=tap", file],
        cwd=FOLDER,
        env=weir.clean_env(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
        check=False,
    )
    found = {}
    for m in re.finditer(r"(?m)^\s*(not ok|ok) \d+ - (.+?)(?: # (SKIP) ?(.*))?\n((?: .*\n)*)", r.stdout):
        found[m.group(2)] = (m.group(1) == "ok", m.group(4) if m.group(3) else None, m.group(0))
    assert found, r.stdout
    results[client] = found
    return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("client,title", list(titles()))
def test_node(results, foreign, client, title):
    ok, skipped, text = outcomes(results, foreign, client)[title]
    if skipped is not None:
        pytest.skip(skipped)
    assert ok, text
