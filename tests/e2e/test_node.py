"""Runs the suite of the official client for Node (node/*.test.js), each test one of ours."""

import os
import re
import subprocess

import pytest
import weir

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node")
FILE = os.path.join(FOLDER, "chat.test.js")


def names():
    with open(FILE, encoding="utf-8") as f:
        return re.findall(r"^test\('([^']+)'", f.read(), re.M)


@pytest.fixture(scope="module")
def results():
    """Each target's suite is run once, when its first test asks."""
    return {}


def outcome(results, target, mock_url):
    """name -> (ok, what was printed)"""
    if target.name in results:
        return results[target.name]
    env = weir.clean_env(
        {
            "WEIR_BASE": target.base,
            "WEIR_KEY": target.key,
            "WEIR_PREFIX": target.prefix,
            "WEIR_TARGET": target.name,
            "MOCK_URL": mock_url,
        }
    )
    r = subprocess.run(
        ["node", "--test", "--test-reporter=tap", FILE],
        cwd=FOLDER,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=90,
        check=False,
    )
    found = {}
    for part in re.split(r"(?m)^(?=\s*# Subtest: )", r.stdout):
        m = re.match(r"\s*# Subtest: (.+)\n\s*(not ok|ok) \d+ ", part)
        if m:
            found[m.group(1)] = (m.group(2) == "ok", part)
    assert found, r.stdout
    results[target.name] = found
    return found


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", names())
def test_node(results, target, mock_a, name):
    ok, text = outcome(results, target, mock_a.url)[name]
    assert ok, text
