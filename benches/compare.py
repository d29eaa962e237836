#!/usr/bin/env python3
"""payrun validate beside other tools on one payment file: how fast, how large, in one table.

    benches/compare.py                                  # 1,000,000 rows
    benches/compare.py --rows 1000000 10000000          # two tables
    benches/compare.py --rows 100000 --faults some      # rows that cannot be paid

Needs cargo and Python with venv; DuckDB and polars are installed for the time of the run. See README.md for what is compared.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from statistics import median

BENCHES = Path(__file__).resolve().parent
AGREEMENT_ROWS = 20_000
# payrun says with 3 that a file has errors.
ENDED_WELL = (0, 3)


@dataclass
class Tool:
    """One of the tools that are compared: FILE in its command stands for the payment file."""

    name: str
    command: list
    # What it answers, from the beginning of what it prints.
    answer: callable
    # Which of the generator's counts it has to find, if it counts.
    counts: str = None
    environment: dict = field(default_factory=dict)
    only_clean: bool = False


@dataclass
class Run:
    wall_s: float
    # From the start of the process to its end.
    process_s: float
    cpu_s: float
    peak_mib: float
    answer: dict


def main():
    asked = arguments()
    if hasattr(os, "sched_setaffinity"):
        # All tools have the same cores; they inherit this.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: asked.threads])
    with tempfile.TemporaryDirectory(prefix="payrun-compare-") as folder:
        folder = Path(folder)
        programs = built()
        tools, skipped = found(programs, folder, asked)
        agree(tools, programs, folder, asked.seed)
        print(machine(asked.threads))
        for rows in asked.rows:
            file, made = payroll(programs, folder, rows, asked.seed, asked.faults)
            runs = measured(tools, file, made, folder, asked.rounds)
            print(table(runs, made, asked))
            file.unlink()
        for name, why in skipped:
            print(f"skipped: {name} ({why})")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000], metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--faults", choices=["clean", "some", "all"], default="clean")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--threads", type=int, default=2, metavar="N")
    return parser.parse_args()


def built():
    """The programs of this repository, built as they are released; PAYRUN_BIN names another payrun."""
    told("building")
    command = ["cargo", "build", "--release", "--bins", "--message-format=json-render-diagnostics"]
    packages = ["-p", "payrun-benches"]
    if "PAYRUN_BIN" not in os.environ:
        packages += ["-p", "payrun-cli"]
    output = subprocess.run(
        command + packages, cwd=BENCHES, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    messages = [json.loads(line) for line in output.splitlines()]
    programs = {
        message["target"]["name"]: message["executable"]
        for message in messages
        if message.get("executable")
    }
    if "PAYRUN_BIN" in os.environ:
        programs["payrun"] = os.path.abspath(os.environ["PAYRUN_BIN"])
    return programs


def found(programs, folder, asked):
    """The tools that are there, payrun first, and those that are not with the reason."""
    tools, skipped = [], []
    payrun = [programs["payrun"], "validate", "FILE", "--format", "json"]
    tools.append(Tool(f"{version([programs['payrun']])} validate", payrun, of_payrun, "faulty"))
    if asked.faults != "clean":
        # What a person reads: the first problems of each kind, all of them counted.
        screen = [programs["payrun"], "validate", "FILE"]
        tools.append(Tool("the same, on screen", screen, lambda text: {}))
    csv = re.search(r'name = "csv"\nversion = "(.*)"', (BENCHES.parent / "Cargo.lock").read_text())
    alone = [programs["read-alone"], "FILE"]
    tools.append(Tool(f"csv {csv[1]}, reading alone", alone, lambda text: {"rows": int(text)}))
    threads = str(asked.threads)
    for name, titles, environment in [
        ("duckdb", {"SQL": [threads], "SQL across rows": [threads, "across"]}, {}),
        ("polars", {"expressions": []}, {"POLARS_MAX_THREADS": threads}),
    ]:
        python, said = installed(name, folder)
        if not python:
            skipped.append((name, said))
            continue
        for title, extra in titles.items():
            command = [python, str(BENCHES / "peers" / f"{name}_checks.py"), "FILE", *extra]
            tools.append(
                Tool(f"{name} {said}, {title}", command, json.loads, "plainly_faulty", environment)
            )
    qsv = shutil.which("qsv") or shutil.which("qsvlite")
    if qsv:
        schema = str(BENCHES / "peers" / "payments.schema.json")
        command = [qsv, "validate", "--jobs", str(asked.threads), "FILE", schema]
        name = re.match(r"\S+ [\d.]+", version([qsv]))[0]
        tools.append(Tool(f"{name}, JSON Schema", command, lambda text: {}, only_clean=True))
    else:
        skipped.append(("qsv", "not on PATH"))
    return tools, skipped


def of_payrun(text):
    """The keys and their order are a promise; the problems behind them may be millions."""
    head, found_problems, _ = text.partition(',"problems":[')
    answer = json.loads(head + "}") if found_problems else json.loads(text)
    totals = {code: [total["count"], total["sum"]] for code, total in answer["totals"].items()}
    return {"bad": answer["rejected_rows"], "doubts": answer["warnings"], "totals": totals}


def version(command):
    return subprocess.run(
        [*command, "--version"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()


def installed(package, folder):
    """The Python of an environment with the package, and its version; or None, and why not."""
    told(f"installing {package}")
    environment = folder / package
    python = str(environment / "bin" / "python")
    steps = [
        [sys.executable, "-m", "venv", str(environment)],
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package],
    ]
    for step in steps:
        done = subprocess.run(step, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            return None, (done.stdout.strip().splitlines() or ["no reason given"])[-1]
    say = f"from importlib.metadata import version; print(version('{package}'))"
    return python, subprocess.check_output([python, "-c", say], text=True).strip()


def payroll(programs, folder, rows, seed, faults):
    file = folder / f"{faults}-{rows}.csv"
    told(f"making {rows:,} rows")
    command = [programs["make-payroll"], "--rows", rows, "--seed", seed, "--faults", faults, "--out", file]
    return file, json.loads(subprocess.check_output([str(word) for word in command]))


def agree(tools, programs, folder, seed):
    """Every tool finds as many bad rows as were made, the same doubts and totals; else nothing is compared."""
    for faults in ["clean", "some", "all"]:
        file, made = payroll(programs, folder, AGREEMENT_ROWS, seed, faults)
        totals, doubts = None, None
        for tool in tools:
            if tool.only_clean and faults != "clean":
                continue
            answer = checked(tool, run(tool, file, folder), made).answer
            if faults != "all" and answer.get("doubts") is not None:
                doubts = answer["doubts"] if doubts is None else doubts
                if answer["doubts"] != doubts:
                    sys.exit(f"{tool.name} has {answer['doubts']} doubts, not {doubts}")
            if faults == "clean" and "totals" in answer:
                exact = {code: (n, Decimal(sum)) for code, (n, sum) in answer["totals"].items()}
                totals = totals or exact
                if exact != totals:
                    sys.exit(f"{tool.name} has other totals: {exact}, not {totals}")
        file.unlink()


def checked(tool, ran, made):
    if tool.counts and ran.answer["bad"] != made[tool.counts]:
        sys.exit(f"{tool.name} finds {ran.answer['bad']} bad rows, not {made[tool.counts]}")
    if ran.answer.get("rows", made["rows"]) != made["rows"]:
        sys.exit(f"{tool.name} reads {ran.answer['rows']} rows, not {made['rows']}")
    return ran


def measured(tools, file, made, folder, rounds):
    """Each tool once in each round, so that what disturbs the machine disturbs them all."""
    tools = [tool for tool in tools if not tool.only_clean or made["faulty"] == 0]
    runs = {tool.name: [] for tool in tools}
    warm(file)
    for number in range(rounds):
        told(f"round {number + 1} of {rounds}")
        first = number % len(tools)
        for tool in tools[first:] + tools[:first]:
            runs[tool.name].append(checked(tool, run(tool, file, folder), made))
    return runs


def warm(file):
    # In pieces: a child's peak is never told as less than its parent's.
    with open(file, "rb", buffering=0) as bytes_:
        while bytes_.read(1 << 20):
            pass


def run(tool, file, folder):
    command = [str(file) if word == "FILE" else word for word in tool.command]
    printed = folder / "stdout"
    with open(printed, "wb") as stdout, open(folder / "stderr", "wb") as stderr:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=stdout, stderr=stderr, env={**os.environ, **tool.environment}
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in ENDED_WELL:
        words = (folder / "stderr").read_text(errors="replace")
        sys.exit(f"{tool.name} ended with {process.returncode}: {words[-2000:]}")
    with open(printed, encoding="utf-8") as text:
        answer = tool.answer(text.read(10_000))
    # macOS counts bytes, all others KiB.
    unit = 1024**2 if sys.platform == "darwin" else 1024
    cpu_s = usage.ru_utime + usage.ru_stime
    return Run(answer.get("seconds", wall_s), wall_s, cpu_s, usage.ru_maxrss / unit, answer)


def machine(threads):
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        model = names[0] if names else model
    load = f", load {os.getloadavg()[0]:.1f} before" if hasattr(os, "getloadavg") else ""
    return "\n".join(
        [
            f"{model}, {threads} of {os.cpu_count()} cores{load}",
            f"{platform.system()} {platform.release()}, Python {platform.python_version()}, "
            + version(["rustc"]).split(" (")[0],
        ]
    )


def table(runs, made, asked):
    (_, ours), *_ = runs.items()
    lines = [
        "",
        f"{made['rows']:,} rows, {made['bytes'] / 1e6:,.0f} MB, {asked.faults}, seed {asked.seed}; "
        f"file cache warm; medians of {asked.rounds} rounds",
        "",
        f"{'':30}{'rows/s':>12}{'MB/s':>8}{'CPU s':>8}{'peak MiB':>10}{'payrun is':>11}{'in all':>9}",
    ]
    for name, these in runs.items():
        wall_s = median(run.wall_s for run in these)
        ratio = median(other.wall_s / our.wall_s for other, our in zip(these, ours))
        in_all = median(other.process_s / our.process_s for other, our in zip(these, ours))
        lines.append(
            f"{name[:29]:30}{made['rows'] / wall_s:>12,.0f}{made['bytes'] / wall_s / 1e6:>8,.0f}"
            f"{median(run.cpu_s for run in these):>8.2f}{max(run.peak_mib for run in these):>10,.0f}"
            + ("" if these is ours else f"{ratio:>10.2f}×{in_all:>8.2f}×")
        )
    return "\n".join([*lines, ""])


def told(what):
    print(f"{what} …", file=sys.stderr)


if __name__ == "__main__":
    main()
