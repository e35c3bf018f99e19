"""bench/table.py -- from the figures of all rounds to the one table of ratios."""

import os
import re
import statistics

HEAD = ("measure", "unit", "nginx", "weir", "weir/nginx", "spread of the ratio", "goal")
LEFT = (0, 1, 6)  # columns of words
MARKS = ("<!-- figures: bench/run --publish -->", "<!-- end of figures -->")


def per_request(key):
    return lambda f: f[key] / f["requests"] / 1000


def per_event(key):
    return lambda f: f[key] / f["events"] / 1000


def per_mb(f):
    return f["cpu_ns"] / (f["requests"] * f["body_bytes"] / 1e6) / 1000


def rss(f):
    return f["VmRSS"] / 1024


class Table:
    """`figures`: measure -> subject -> [value per round], as bench/run collects them."""

    def __init__(self, figures, prompts, open_streams, plan_candidates):
        self.figures = figures
        self.prompts = prompts
        self.open_streams = open_streams
        self.plan_candidates = plan_candidates
        self.rows = []
        self.build()

    def values(self, measure, subject, of):
        return [of(f) for f in self.figures.get(measure, {}).get(subject, [])]

    def add(self, text, unit, nginx, weir, goal="", digits=1):
        """One row from a value per round of each."""
        row = {"measure": text, "unit": unit, "goal": goal, "digits": digits}
        for name, values in (("nginx", nginx), ("weir", weir)):
            if values:
                row[name] = {
                    "median": statistics.median(values),
                    "min": min(values),
                    "max": max(values),
                    "rounds": values,
                }
        if nginx and weir and statistics.median(nginx) > 0:
            row["ratio"] = statistics.median(weir) / statistics.median(nginx)
            pairs = [w / n for w, n in zip(weir, nginx) if n > 0]
            if pairs:
                row["ratio_min"], row["ratio_max"] = min(pairs), max(pairs)
        if nginx or weir:
            self.rows.append(row)

    def simple(self, text, unit, measure, of, goal="", digits=1):
        self.add(text, unit, self.values(measure, "nginx", of), self.values(measure, "weir", of), goal, digits)

    def translated(self, text, measure, of, goal):
        """Beside nginx's untranslated figure of the same run."""
        weir = self.values("translated_" + measure, "weir", of)
        if weir:
            self.add(text, "µs", self.values(measure, "nginx", of), weir, goal, 2)

    def added(self, text, quantile, goal):
        """What a proxy adds to the direct way, round by round."""

        def of(f):
            return f["latency_us"][quantile]

        direct = self.values("latency", "direct", of)
        added = {}
        for name in ("nginx", "weir"):
            added[name] = [v - d for v, d in zip(self.values("latency", name, of), direct)]
        self.add(text, "µs", added["nginx"], added["weir"], goal)

    def per_stream(self, n):
        out = {}
        for name in ("nginx", "weir"):
            idle = self.values("memory_before", name, lambda f: f["VmRSS"])
            held = self.values(f"memory_{n}", name, lambda f: f)
            out[name] = [(h["VmRSS"] - i) / h["streams"] for h, i in zip(held, idle)]
        return out

    def plan(self):
        """The usual strategy; at the size that has a goal the dearest strategy too."""
        for n in map(str, self.plan_candidates):
            goal = "≤ 3 µs" if n == "50" else ""
            unit = "candidate" if n == "1" else "candidates"
            self.simple(f"planning, {n} {unit}", "µs", "plan", lambda f: f["priority"][n] / 1000, goal, 2)
            self.simple("  instructions", "", "plan_instructions", lambda f: f[n], "", 0)
            if goal:
                self.simple("  the dearest strategy", "µs", "plan", lambda f: max(s[n] for s in f.values()) / 1000, "", 2)

    def build(self):
        self.simple("CPU per request", "µs", "request", per_request("cpu_ns"), "≤ 1.15 ×", 2)
        self.simple("  of it user", "µs", "request", per_request("cpu_user_ns"), "", 2)
        self.simple("  of it system", "µs", "request", per_request("cpu_system_ns"), "", 2)
        self.simple("CPU per streamed event", "µs", "stream", per_event("cpu_ns"), "≤ 1.10 ×", 2)
        self.simple("  of it user", "µs", "stream", per_event("cpu_user_ns"), "", 2)
        self.simple("  of it system", "µs", "stream", per_event("cpu_system_ns"), "", 2)
        self.simple("  behind hardly any headers", "µs", "lean", per_event("cpu_ns"), "≤ 1.10 ×", 2)
        self.translated("CPU per translated request", "request", per_request("cpu_ns"), "≤ 1.6 ×")
        self.translated("CPU per translated event", "stream", per_event("cpu_ns"), "≤ 1.35 ×")
        self.added("added latency, p50", "p50", "≤ 1.2 ×")
        self.added("added latency, p99", "p99", "≤ 1.5 ×")
        for name in self.prompts:
            self.simple(f"CPU per MB of prompt, {name}", "µs", "prompt_" + name, per_mb, "≤ 1.5 ×", 0)
        self.simple("resident memory, idle", "MiB", "memory_idle", rss, "≤ 5 MiB", 2)
        for n in self.open_streams:
            open_now = [f["streams"] for f in self.figures.get(f"memory_{n}", {}).get("nginx", [])]
            open_now += [f["streams"] for f in self.figures.get(f"memory_{n}", {}).get("weir", [])]
            if not open_now:
                continue
            real = open_now[0]
            self.simple(f"resident memory, {real:,} open streams", "MiB", f"memory_{n}", rss)
            each = self.per_stream(n)
            self.add(f"  per open stream of {real:,}", "KiB", each["nginx"], each["weir"], "≤ 16 KiB")
            self.simple("  after they closed", "MiB", f"memory_after_{n}", rss, "", 2)
        self.simple("start to first 200", "ms", "start", lambda f: statistics.median(f) / 1000, "≤ 50 ms", 2)
        self.plan()
        self.simple("program, stripped", "MiB", "size", lambda f: f / 2**20, "", 2)

    def lines(self, only_goals=False):
        out = []
        for r in self.rows:
            if only_goals and not r["goal"]:
                continue
            cells = [r["measure"].strip() if only_goals else r["measure"], r["unit"]]
            for name in ("nginx", "weir"):
                cells.append(f"{r[name]['median']:,.{r['digits']}f}" if name in r else "-")
            cells.append(f"{r['ratio']:.2f}" if "ratio" in r else "-")
            cells.append(f"{r['ratio_min']:.2f} – {r['ratio_max']:.2f}" if "ratio_min" in r else "-")
            cells.append(r["goal"])
            out.append(cells)
        return out

    def text(self, only_goals=False):
        lines = [HEAD, *self.lines(only_goals)]
        width = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]

        def line_of(cells):
            padded = [c.ljust(w) if i in LEFT else c.rjust(w) for i, (c, w) in enumerate(zip(cells, width))]
            return "| " + " | ".join(padded) + " |"

        rule = "|" + "|".join("-" * (w + 1) + ("-" if i in LEFT else ":") for i, w in enumerate(width)) + "|"
        return "\n".join([line_of(lines[0]), rule, *map(line_of, lines[1:])])


def replace_between_marks(path, text):
    with open(path, encoding="utf-8") as f:
        old = f.read()
    begin, end = MARKS
    new, n = re.subn(
        re.escape(begin) + ".*?" + re.escape(end), lambda _: f"{begin}\n\n{text}\n\n{end}", old, flags=re.S
    )
    if n != 1:
        raise SystemExit(f"bench: {path} has no place for the figures")
    with open(path, "w", encoding="utf-8") as f:
        f.write(new)


def publish(root, head, table, raw_name):
    """Into docs/performance.md whole, into README.md what has a goal."""
    replace_between_marks(
        os.path.join(root, "docs", "performance.md"),
        "  \n".join(head) + f"  \nRaw figures: [docs/bench/{raw_name}](bench/{raw_name}).\n\n" + table.text(),
    )
    replace_between_marks(os.path.join(root, "README.md"), table.text(only_goals=True))
