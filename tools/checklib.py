"""What the checks in tools/ share: walking the tree, reading C, saying what is wrong, and
proving that a check can fail.

A check is a function `check(root) -> [offence]`, an offence a line of text that begins with
the place.  Its file ends with `main(check, cases)`, where each case is a small tree and a
word that its offences must contain, or None when there must be none:

    check-floors [ROOT]      prints the offences; exit 1 when there are any
    check-floors --self-test runs the cases on trees of their own; exit 1 when one is off
"""

import os
import re
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

TOKEN = re.compile(
    r"""(?P<block>/\*.*?\*/)|(?P<line>//[^\n]*)|(?P<str>"(?:\\.|[^"\\\n])*")|(?P<chr>'(?:\\.|[^'\\\n])*')""",
    re.S,
)


def c_files(root, *folders, ends=(".c", ".h")):
    """Paths relative to root, sorted."""
    found = []
    for folder in folders:
        for at, dirs, files in os.walk(os.path.join(root, folder)):
            dirs[:] = [d for d in dirs if not d.startswith((".", "build", "node_modules"))]
            found += [os.path.relpath(os.path.join(at, f), root) for f in files if f.endswith(ends)]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def blank(text, *kinds):
    """The text with tokens of these kinds (block, line, str, chr) as blanks, lines kept."""

    def sub(m):
        return re.sub(r"[^\n]", " ", m.group()) if m.lastgroup in kinds else m.group()

    return TOKEN.sub(sub, text)


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"]', re.M)


def includes(text):
    """(line, '<' or '"', name) of each include."""
    text = blank(text, "block", "line")
    return [(text.count("\n", 0, m.start()) + 1, m.group(1), m.group(2)) for m in INCLUDE.finditer(text)]


def self_test(check, cases):
    wrong = 0
    for name, tree, want in cases:
        with tempfile.TemporaryDirectory() as root:
            for path, text in tree.items():
                full = os.path.join(root, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf-8") as f:
                    f.write(text)
            got = check(root)
        ok = not got if want is None else any(want in g for g in got)
        if not ok:
            wrong += 1
            print(f"self-test: {name}: wanted {want or 'no offence'}, got {got or 'none'}")
    print(f"{os.path.basename(sys.argv[0])}: self-test: {len(cases) - wrong} of {len(cases)} cases right")
    return wrong


def main(check, cases):
    args = sys.argv[1:]
    if args == ["--self-test"]:
        sys.exit(1 if self_test(check, cases) else 0)
    offences = check(args[0] if args else ROOT)
    for o in offences:
        print(o)
    sys.exit(1 if offences else 0)
