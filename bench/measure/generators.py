"""The load generators, and what they tell."""

import json
import os
import re
import shutil
import subprocess

from . import machine

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Problem(Exception):
    """The generator did not do its work, or answers were not what they had
    to be."""


class Figures:
    """What came of one run; times in microseconds."""

    def __init__(self, seconds, answers, octets, p50=None, p99=None, detail=None):
        self.seconds = seconds
        self.answers = answers
        self.octets = octets
        self.p50 = p50
        self.p99 = p99
        self.detail = detail or {}
        self.rate = answers / seconds if seconds else 0.0
        # Filled in by who watches the server.
        self.processor = None  # seconds of the server per answer
        self.busy = None  # share of the run that the server was computing
        self.disturbed = 0.0  # share of its cores that others took


def _run(command, cores, limit):
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit,
                          preexec_fn=machine.on_cores(cores if isinstance(cores, list) else [cores]))
    if done.returncode != 0:
        raise Problem(f"{command[0]} exits with {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


# The project's own generator.

def build_load():
    """Compiles bench/load, unless it is up to date; returns the program."""
    target = os.environ.get("CARGO_TARGET_DIR") or os.path.join(os.path.dirname(BENCH), "target")
    environment = {**os.environ, "CARGO_TARGET_DIR": target}
    done = subprocess.run(["cargo", "build", "--release", "--quiet", "--locked"],
                          cwd=os.path.join(BENCH, "load"), env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise Problem(f"bench/load does not build:\n{done.stderr}")
    return os.path.join(target, "release", "load")


def load(program, core, port, path=None, fields=(), seconds=3.0, connections=64, rate=None,
         per_connection=None, mix=None, patience=10, slice_ms=None, grow=None, status=None):
    """Closed loop for `seconds`, or open loop by `rate` ("N:S,N:S"). With
    `status`, anything else among the answers is a Problem."""
    command = [program, "--server", f"127.0.0.1:{port}", "--connections", str(connections),
               "--patience", str(patience)]
    if rate:
        command += ["--rate", rate]
        length = sum(float(part.split(":")[1]) for part in rate.split(","))
    else:
        command += ["--seconds", str(seconds)]
        length = seconds
    for name, value in fields:
        command += ["-H", f"{name}: {value}"]
    for name, value in (("--per-connection", per_connection), ("--mix", mix), ("--slice", slice_ms),
                        ("--grow", grow)):
        if value is not None:
            command += [name, str(value)]
    if path:
        command.append(path)
    told = json.loads(_run(command, core, length + patience + 30))
    if status is not None:
        others = {code: spread["count"] for code, spread in told["statuses"].items() if code != str(status)}
        if others or told["failures"]:
            raise Problem(f"answers other than {status}: {others or ''} {told['failures'] or ''}")
    return Figures(told["seconds"], told["answers"], told["octets"],
                   told["latency"]["p50"], told["latency"]["p99"], told)


# wrk

def wrk(core, port, path, fields=(), seconds=3.0, connections=64, errors=False, threads=1):
    """Closed loop. `errors`: the answers are meant to be of class 4xx."""
    if not shutil.which("wrk"):
        raise Problem("wrk is not installed")
    command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency",
               f"http://127.0.0.1:{port}{path}"]
    for name, value in fields:
        command += ["-H", f"{name}: {value}"]
    text = _run(command, core, seconds + 40)
    found = re.search(r"(\d+) requests in ([\d.]+)(m?)s, ([\d.]+)(B|KB|MB|GB|TB) read", text)
    if not found:
        raise Problem(f"wrk said: {text[-200:]}")
    answers = int(found[1])
    socket_errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    # wrk counts the server's close after "Connection: close" as a read error.
    closing = any(name.lower() == "connection" for name, _ in fields)
    if socket_errors and any(int(socket_errors[n]) for n in ((1, 3, 4) if closing else (1, 2, 3, 4))):
        raise Problem(socket_errors[0])
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    failed = int(failed[1]) if failed else 0
    if (answers - failed if errors else failed) > 0:
        raise Problem(f"{failed} of {answers} answers were of class 4xx or 5xx")
    scale = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}[found[5]]
    seconds = float(found[2]) * (60 if found[3] == "m" else 1)
    return Figures(seconds, answers, float(found[4]) * scale,
                   _wrk_latency(text, "50%"), _wrk_latency(text, "99%"))


def wrk_on(cores, port, path, seconds=3.0):
    """wrk with a thread for each of these cores."""
    return wrk(cores, port, path, seconds=seconds, threads=len(cores))


def _wrk_latency(text, share):
    found = re.search(rf"{share}\s+([\d.]+)(us|ms|s)\b", text)
    return float(found[1]) * {"us": 1, "ms": 1e3, "s": 1e6}[found[2]] if found else None


# h2load

def h2load(core, port, path, seconds=3.0, connections=16, streams=32):
    """HTTP/2 over TLS, closed loop."""
    if not shutil.which("h2load"):
        raise Problem("h2load is not installed (nghttp2-client)")
    command = ["h2load", "-t1", f"-c{connections}", f"-m{streams}", "-D", str(max(1, round(seconds))), f"https://127.0.0.1:{port}{path}"]
    text = _run(command, core, seconds + 40)
    rate = re.search(r"finished in ([\d.]+)(m?)s, ([\d.]+) req/s", text)
    counts = re.search(r"(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", text)
    codes = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", text)
    octets = re.search(r"traffic: .*?\((\d+)\) total", text)
    if not (rate and counts and codes and octets):
        raise Problem(f"h2load said: {text[-300:]}")
    answers = int(counts[1])
    if any(int(counts[n]) for n in (3, 4, 5)) or any(int(codes[n]) for n in (2, 3, 4)):
        raise Problem(f"{counts[0]}; {codes[0]}")
    if not answers:
        raise Problem("no answers")
    times = re.search(r"time for request:\s+\S+\s+\S+\s+([\d.]+)(us|ms|s)", text)
    mean = float(times[1]) * {"us": 1, "ms": 1e3, "s": 1e6}[times[2]] if times else None
    return Figures(answers / float(rate[3]), answers, int(octets[1]), mean, None)
