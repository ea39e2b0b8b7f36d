"""What is measured. Each scenario says what has to be answered, checks that
it is, and then measures it."""

import socket
import time

from . import answers, generators, machine, site
from .servers import MOVED


class Scenario:
    """One row of the report. `better` is "more" or "less"; `scale` turns the
    figure into the unit that is printed."""

    key = ""
    title = ""
    unit = "requests/s"
    better = "more"
    bar = None  # what candor must reach against nginx, and what it aims at
    aim = None
    only = None  # names of the servers that take part; None: all that serve files
    against = "nginx"
    fresh = False  # wants a newly started server for each measurement
    starts_itself = False  # does so in its own way
    gateway = False  # the servers stand in front of an upstream
    rounds = None  # fewer rounds than asked for

    def suits(self, kind):
        """Can, and should, this kind of server take part?"""
        if self.gateway:
            return kind.proxies and not kind.in_scenarios
        return kind.serves_files and (not kind.in_scenarios or self.key in kind.in_scenarios)

    def check(self, server, bench):
        """Raises answers.Wrong when the server answers wrongly."""
        raise NotImplementedError

    def measure(self, server, bench):
        """Runs the load; returns generators.Figures."""
        raise NotImplementedError

    def figure(self, figures):
        """The number that counts."""
        return figures.rate


class SmallFile(Scenario):
    key = "a"
    title = "small file (1 KiB), 64 kept connections"
    bar, aim = 1.15, 1.35

    def check(self, server, bench):
        answer = answers.fetch(server.port, "/small.html")
        answers.expect(answer, 200, site.digest(bench.site, "/small.html"), site.SMALL, tag=True,
                       fields={"Content-Type": lambda value: value.startswith("text/html")})

    def measure(self, server, bench):
        return generators.wrk(bench.generator_core, server.port, "/small.html", seconds=bench.seconds)


class NotModified(Scenario):
    key = "b"
    title = "If-None-Match answered by 304, 64 kept connections"
    bar, aim = 1.1, 1.25

    def fields(self, server):
        tag = answers.fetch(server.port, "/small.html").field("ETag")
        if not tag:
            raise answers.Wrong("no ETag to ask with")
        return [("If-None-Match", tag)]

    def check(self, server, bench):
        fields = self.fields(server)
        answer = answers.fetch(server.port, "/small.html", fields)
        answers.expect(answer, 304, tag=True)
        if answer.content:
            raise answers.Wrong("a 304 with content")
        # And the server does look: another tag gets the file.
        other = answers.fetch(server.port, "/small.html", [("If-None-Match", '"another"')])
        answers.expect(other, 200, site.digest(bench.site, "/small.html"), site.SMALL)

    def measure(self, server, bench):
        return generators.wrk(bench.generator_core, server.port, "/small.html", self.fields(server),
                              seconds=bench.seconds)


class LargeFile(Scenario):
    unit = "GiB/s"
    bar, aim = 0.95, 1.05
    path = ""
    size = 0
    connections = 1

    def check(self, server, bench):
        answer = answers.fetch(server.port, self.path)
        answers.expect(answer, 200, site.digest(bench.site, self.path), self.size, tag=True)

    def measure(self, server, bench):
        return generators.load(bench.load, bench.generator_core, server.port, self.path,
                               seconds=bench.seconds, connections=self.connections, status=200)

    def figure(self, figures):
        return figures.octets / figures.seconds / (1 << 30)


class Middle(LargeFile):
    key = "c"
    title = "1 MiB file, 16 kept connections"
    path, size, connections = "/middle.bin", site.MIDDLE, 16


class Large(LargeFile):
    key = "d"
    title = "100 MiB file, one connection"
    path, size, connections = "/large.bin", site.LARGE, 1


class Part(Scenario):
    key = "e"
    title = "64 KiB range of a 100 MiB file, 16 kept connections"
    bar, aim = 1.0, 1.1
    last = site.RANGE_FROM + site.RANGE - 1
    fields = [("Range", f"bytes={site.RANGE_FROM}-{last}")]

    def check(self, server, bench):
        answer = answers.fetch(server.port, "/large.bin", self.fields)
        digest = site.digest(bench.site, "/large.bin", site.RANGE_FROM, site.RANGE)
        stated = f"bytes {site.RANGE_FROM}-{self.last}/{site.LARGE}"
        answers.expect(answer, 206, digest, site.RANGE, tag=True,
                       fields={"Content-Range": lambda value: value == stated})

    def measure(self, server, bench):
        return generators.load(bench.load, bench.generator_core, server.port, "/large.bin", self.fields,
                               seconds=bench.seconds, connections=16, status=206)


class OverHttp2(Scenario):
    key = "f"
    title = "HTTPS, HTTP/2: small file, 16 connections of 32 streams"
    bar, aim = 1.0, 1.65

    def check(self, server, bench):
        answer = answers.fetch_http2(server.tls_port, "/small.html")
        answers.expect(answer, 200, site.digest(bench.site, "/small.html"), site.SMALL, tag=True)

    def measure(self, server, bench):
        return generators.h2load(bench.generator_core, server.tls_port, "/small.html", seconds=bench.seconds)


class NewConnections(Scenario):
    key = "g"
    title = "a new connection for each request, small file: processor time of the server"
    unit = "us CPU/request"
    better = "less"
    bar, aim = 0.95, 1.05
    fields = [("Connection", "close")]

    def check(self, server, bench):
        answer = answers.fetch(server.port, "/small.html", self.fields)
        answers.expect(answer, 200, site.digest(bench.site, "/small.html"), site.SMALL,
                       fields={"Connection": lambda value: "close" in value.lower()})

    def measure(self, server, bench):
        return generators.load(bench.load, bench.generator_core, server.port, "/small.html", self.fields,
                               seconds=bench.seconds, connections=32, status=200)

    def figure(self, figures):
        return figures.processor * 1e6


class IdleConnections(Scenario):
    key = "h"
    title = "memory of an idle kept connection (2,000 of them, after one request each)"
    unit = "bytes"
    better = "less"
    fresh = True
    rounds = 2
    count = 2000

    def check(self, server, bench):
        bench.scenario("a").check(server, bench)

    def measure(self, server, bench):
        # Two thousand requests over a few connections first, so that what
        # the server allocates once is there before the first reading.
        generators.load(bench.load, bench.generator_core, server.port, "/small.html", seconds=0.5, connections=8,
                        status=200)
        time.sleep(1)
        before = server.memory()
        kept = []
        try:
            for _ in range(self.count):
                kept.append(_ask_and_stay(server.port))
            time.sleep(1)
            after = server.memory()
            for one in kept:
                one.setblocking(False)
                try:
                    if one.recv(1) == b"":
                        raise generators.Problem("the server closed idle connections")
                except BlockingIOError:
                    pass
        finally:
            for one in kept:
                one.close()
        return generators.Figures(1, self.count, 0, detail={"bytes": (after - before) / self.count})

    def figure(self, figures):
        return figures.detail["bytes"]


def _ask_and_stay(port):
    one = socket.create_connection(("127.0.0.1", port), timeout=10)
    one.sendall(b"GET /small.html HTTP/1.1\r\nHost: localhost\r\n\r\n")
    seen = b""
    while b"\r\n\r\n" not in seen or len(seen.partition(b"\r\n\r\n")[2]) < site.SMALL:
        more = one.recv(65536)
        if not more:
            raise generators.Problem(f"connection closed after {len(seen)} bytes")
        seen += more
    return one


class NotFound(Scenario):
    key = "i"
    title = "404, 64 kept connections"
    bar, aim = 1.15, 1.3

    def check(self, server, bench):
        answers.expect(answers.fetch(server.port, "/never.html"), 404)

    def measure(self, server, bench):
        return generators.wrk(bench.generator_core, server.port, "/never.html", seconds=bench.seconds,
                              errors=True)


class Moved(Scenario):
    key = "j"
    title = "301 from configuration, 64 kept connections"
    bar, aim = 1.1, 1.2

    def check(self, server, bench):
        answers.expect(answers.fetch(server.port, MOVED), 301,
                       fields={"Location": lambda value: value.endswith("/small.html")})

    def measure(self, server, bench):
        return generators.wrk(bench.generator_core, server.port, MOVED, seconds=bench.seconds)


class Proxy(Scenario):
    gateway = True
    key = "k"
    title = "gateway: a 1 KiB answer of an upstream (nginx), 64 kept connections"
    bar, aim = 1.0, 1.1

    def check(self, server, bench):
        answer = answers.fetch(server.port, "/small.html")
        answers.expect(answer, 200, site.digest(bench.site, "/small.html"), site.SMALL, tag=True)

    def measure(self, server, bench):
        return generators.wrk(bench.generator_core, server.port, "/small.html", seconds=bench.seconds)


class HalfLoad(Scenario):
    key = "l"
    title = "p99 latency at half of nginx's capacity, open loop, 64 connections"
    unit = "us"
    better = "less"
    bar, aim = 5.0, 8.0

    def check(self, server, bench):
        bench.scenario("a").check(server, bench)

    def measure(self, server, bench):
        rate = bench.half_capacity()
        figures = generators.load(bench.load, bench.generator_core, server.port, "/small.html",
                                  rate=f"{rate}:{bench.seconds}", connections=64, status=200)
        late = figures.detail["lateness"]["p99"]
        if late > 1000:
            figures.detail["remark"] = f"one in a hundred requests was sent {late:,.0f} us late or later by the generator, and counts so"
        return figures

    def figure(self, figures):
        return figures.p99


class LogOff(SmallFile):
    key = "m"
    title = "what the access log costs: small file as in a"
    only = ("candor", "candor-quiet")
    against = "candor"
    bar = aim = None


class Scaling(Scenario):
    starts_itself = True
    key = "n"
    title = "two cores: small file as in a"
    fresh = True
    rounds = 3
    unit = "times one core"

    def check(self, server, bench):
        bench.scenario("a").check(server, bench)

    def measure(self, server, bench):
        """With four cores or more: the rate on two over the rate on one. With
        fewer, server and generator share all cores, and the figure is twice
        the processor time of a request on one core over that on two."""
        cores = machine.all_cores()
        one, two = cores[:1], cores[:2]
        apart = len(cores) >= 4
        results = []
        for chosen in (one, two):
            server.start(chosen)
            try:
                before = server.processor_seconds()
                load_cores = cores[2:] if apart else cores[-len(chosen):]
                figures = generators.wrk_on(load_cores, server.port, "/small.html", seconds=bench.seconds)
                figures.processor = (server.processor_seconds() - before) / figures.answers
                results.append(figures)
            finally:
                server.stop()
        alone, both = results
        both.detail["times"] = both.rate / alone.rate if apart else 2 * alone.processor / both.processor
        return both

    def figure(self, figures):
        return figures.detail["times"]


ALL = [kind() for kind in (
    SmallFile, NotModified, Middle, Large, Part, OverHttp2, NewConnections, IdleConnections, NotFound,
    Moved, Proxy, HalfLoad, LogOff, Scaling)]
