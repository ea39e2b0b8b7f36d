"""The machine: cores, processes, and what other programs take of them."""

import os
import random
import socket

TICKS = os.sysconf("SC_CLK_TCK")


def cores():
    """The cores this program may use: (server's, generator's). With a single
    core both share it, and the figures say little."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


def all_cores():
    return sorted(os.sched_getaffinity(0))


niceness = 0  # set by --nice


def on_cores(chosen):
    """For subprocess: pins the child to these cores before it starts."""
    def pin():
        os.sched_setaffinity(0, set(chosen))
        if niceness:
            os.setpriority(os.PRIO_PROCESS, 0, niceness)
            _group_nice()
    return pin


def _group_nice():
    """Linux weighs sessions against each other before processes, so the
    niceness of a process alone counts only inside its session."""
    try:
        if os.getsid(0) != os.getpid():
            os.setsid()
        with open("/proc/self/autogroup", "w") as file:
            file.write(str(niceness))
    except OSError:
        pass  # no such groups here


_given = set()


def free_port():
    """A free loopback port below the range that clients are given, so that no
    outgoing connection can sit on it."""
    low = int(read("/proc/sys/net/ipv4/ip_local_port_range", "32768").split()[0])
    for _ in range(1000):
        port = random.randrange(10000, max(low, 20000))
        if port in _given:
            continue
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise RuntimeError("no free port")


def read(path, default=""):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return default


def family(pid):
    """A process and all its descendants."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            stat = read(f"/proc/{name}/stat")
            if stat:
                parents[int(name)] = int(stat.rpartition(")")[2].split()[1])
    found, queue = [], [pid]
    while queue:
        one = queue.pop()
        found.append(one)
        queue += [child for child, parent in parents.items() if parent == one]
    return found


def processor_seconds(pids):
    """User and system time of these processes, dead children included."""
    total = 0
    for pid in pids:
        stat = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        if stat:
            # utime, stime, cutime, cstime are fields 14 to 17.
            total += sum(int(field) for field in stat[11:15])
    return total / TICKS


def memory(pids):
    """Proportional set size of these processes in bytes: pages that several
    of them share are counted once."""
    return sum(_kilobytes(f"/proc/{pid}/smaps_rollup", "Pss:") for pid in pids) * 1024


def resident(pids):
    """Sum of resident set sizes in bytes."""
    return sum(_kilobytes(f"/proc/{pid}/status", "VmRSS:") for pid in pids) * 1024


def descriptors(pids):
    """Open file descriptors."""
    count = 0
    for pid in pids:
        try:
            count += len(os.listdir(f"/proc/{pid}/fd"))
        except OSError:
            pass
    return count


def _kilobytes(path, label):
    for line in read(path).splitlines():
        if line.startswith(label):
            return int(line.split()[1])
    return 0


def busy_seconds(core):
    """Processor time that this core has spent on anything at all."""
    for line in read("/proc/stat").splitlines():
        fields = line.split()
        if fields and fields[0] == f"cpu{core}":
            user, nice, system, _idle, _wait, irq, softirq, steal = map(int, fields[1:9])
            return (user + nice + system + irq + softirq + steal) / TICKS
    return 0.0


def describe():
    """One line about the machine, for the report."""
    model = "unknown processor"
    for line in read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    control = read("/proc/sys/net/ipv4/tcp_congestion_control", "unknown").strip()
    return f"{model}, {len(all_cores())} cores, Linux {os.uname().release}, TCP {control}"
