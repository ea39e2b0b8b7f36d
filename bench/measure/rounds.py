"""Runs scenarios in interleaved rounds: A B C, then C B A, and so on. Machines
drift, so only figures of the same round are divided by each other."""

import resource
import sys
import time

from . import answers, generators, machine, servers


class Bench:
    """What scenarios need to know, and the servers that run."""

    def __init__(self, folder, site, tls, names, seconds, rounds, load, scenarios):
        self.folder, self.site, self.tls = folder, site, tls
        self.names = names
        self.seconds, self.rounds = seconds, rounds
        self.load = load
        self.scenarios = {one.key: one for one in scenarios}
        self.server_core, self.generator_core = machine.cores()
        self.running = {}
        self.absent = {}
        self.wrong = []
        self._half = None

    def scenario(self, key):
        return self.scenarios[key]

    def server(self, name, label=None, upstream=None):
        return servers.KINDS[name](self.folder, self.site, self.tls, label, upstream)

    def file_server(self, name):
        """A running server over the site, started when first asked for."""
        if name in self.absent:
            raise servers.NotUsable(self.absent[name])
        if name not in self.running:
            one = self.server(name)
            try:
                one.start([self.server_core])
            except servers.NotUsable as problem:
                self.absent[name] = str(problem)
                say(f"  left out: {problem}")
                raise
            self.running[name] = one
        return self.running[name]

    def half_capacity(self):
        """Half of what nginx can do with small files, measured once, by the
        processor time of a request: that is the same on a busy machine."""
        if self._half is None:
            nginx = self.file_server("nginx")
            before = nginx.processor_seconds()
            figures = generators.load(self.load, self.generator_core, nginx.port, "/small.html",
                                      seconds=self.seconds, status=200)
            self._half = round(figures.answers / (nginx.processor_seconds() - before) / 2)
            say(f"  nginx could answer {2 * self._half:,} requests/s, so {self._half:,} are offered")
        return self._half

    def stop(self):
        for one in self.running.values():
            one.stop()
        self.running = {}


class Row:
    """All rounds of one server in one scenario."""

    def __init__(self, name):
        self.name = name
        self.figures = []
        self.problem = None
        self.ratios = []
        self.processor_ratios = []


def run(bench, scenario):
    """Returns the rows, the reference first."""
    names = [name for name in (scenario.only or bench.names)
             if scenario.suits(servers.KINDS[name])]
    with Standing(bench, scenario, names) as standing:
        rows = [Row(name) for name in standing.present]
        for row in rows:
            _check(bench, scenario, standing, row)
        good = [row for row in rows if not row.problem]
        rounds = min(bench.rounds, scenario.rounds or bench.rounds)
        for number in range(rounds):
            order = good if number % 2 == 0 else list(reversed(good))
            for row in order:
                if row.problem:
                    continue
                say(f"  round {number + 1}/{rounds}: {row.name}", end="\r")
                try:
                    row.figures.append(_measure(bench, scenario, standing, row.name))
                except (generators.Problem, answers.Wrong, servers.NotUsable) as problem:
                    row.problem = str(problem)
                    bench.wrong.append(f"{scenario.key} {row.name}: {problem}")
        say(" " * 60, end="\r")
    _compare(scenario, rows)
    return rows


class Standing:
    """The servers of a scenario, running while it is measured."""

    def __init__(self, bench, scenario, names):
        self.bench, self.scenario = bench, scenario
        self.servers = {}
        self.upstream = None
        self.present = []
        for name in names:
            try:
                if scenario.fresh or scenario.gateway:
                    if not servers.KINDS[name].find():
                        raise servers.NotUsable(f"{name}: not installed")
                else:
                    self.servers[name] = bench.file_server(name)
                self.present.append(name)
            except servers.NotUsable:
                pass

    def __enter__(self):
        if self.scenario.gateway:
            # The upstream shares the generator's core.
            self.upstream = self.bench.server("nginx", label="upstream")
            self.upstream.start([self.bench.generator_core])
            for name in list(self.present):
                one = self.bench.server(name, label=f"{name}-gateway",
                                        upstream=f"127.0.0.1:{self.upstream.port}")
                try:
                    one.start([self.bench.server_core])
                    self.servers[name] = one
                except servers.NotUsable as problem:
                    say(f"  left out: {problem}")
                    self.present.remove(name)
        return self

    def __exit__(self, *_):
        if self.upstream:
            for one in [*self.servers.values(), self.upstream]:
                one.stop()

    def get(self, name):
        """The running server, or one that is not started yet: it needs a
        folder of its own, beside that of the running one."""
        return self.servers.get(name) or self.bench.server(name, label=f"{name}-fresh")


def _check(bench, scenario, standing, row):
    one = standing.get(row.name)
    try:
        if scenario.fresh:
            one.start([bench.server_core])
        scenario.check(one, bench)
    except (answers.Wrong, servers.NotUsable) as problem:
        row.problem = str(problem)
        bench.wrong.append(f"{scenario.key} {row.name}: {problem}")
    finally:
        if scenario.fresh:
            one.stop()
    if not row.problem and not scenario.fresh:
        try:
            # Warms caches; not counted.
            short, bench.seconds = bench.seconds, 1
            scenario.measure(one, bench)
        except generators.Problem as problem:
            row.problem = str(problem)
            bench.wrong.append(f"{scenario.key} {row.name}: {problem}")
        finally:
            bench.seconds = short


def _measure(bench, scenario, standing, name):
    one = standing.get(name)
    if scenario.starts_itself:
        return scenario.measure(one, bench)
    if scenario.fresh:
        one.start([bench.server_core])
    try:
        began = time.monotonic()
        own = one.processor_seconds()
        client = _children_seconds()
        busy = [machine.busy_seconds(core) for core in (bench.server_core, bench.generator_core)]
        figures = scenario.measure(one, bench)
        own = one.processor_seconds() - own
        client = _children_seconds() - client
        length = time.monotonic() - began
        busy = [machine.busy_seconds(core) - before
                for core, before in zip((bench.server_core, bench.generator_core), busy)]
        if figures.answers:
            figures.processor = own / figures.answers
        figures.busy = own / length
        if standing.upstream is None:
            figures.disturbed = max(0.0, (sum(busy) - own - client) / length / 2)
        if not scenario.fresh:
            one.check_log(figures.answers)
        one.empty_log()
        return figures
    finally:
        if scenario.fresh:
            one.stop()


def _children_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _compare(scenario, rows):
    """Ratios of the same round; above 1 is better than the reference."""
    reference = next((row for row in rows if row.name == scenario.against and row.figures), None)
    if not reference:
        return
    for row in rows:
        for mine, its in zip(row.figures, reference.figures):
            mine, its = scenario.figure(mine), scenario.figure(its)
            if scenario.better == "less":
                mine, its = its, mine
            # A memory figure can be nothing, or less, after a collection.
            row.ratios.append(mine / its if its > 0 else float("inf"))
        row.processor_ratios = [its.processor / mine.processor
                                for mine, its in zip(row.figures, reference.figures) if mine.processor]


def say(text, end="\n"):
    if end == "\n" or sys.stderr.isatty():
        print(text, end=end, file=sys.stderr, flush=True)
