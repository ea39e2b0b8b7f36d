"""A loopback that measures servers, not timers.

Where the system's congestion control is BBR, each large answer is paced by
timers, and over the loopback a run then measures those: figures jump by a
factor of four from run to run. Servers cannot choose otherwise, so the
benchmark moves into a network namespace of its own, with Reno (which never
loses a segment there). It needs root to do so; without it, it says so."""

import ctypes
import os
import subprocess
import sys

CONTROL = "/proc/sys/net/ipv4/tcp_congestion_control"
CLONE_NEWNET = 0x40000000


def congestion_control():
    try:
        with open(CONTROL) as file:
            return file.read().strip()
    except OSError:
        return "unknown"


def own():
    """Leaves a network with BBR for one of our own."""
    if congestion_control() != "bbr":
        return
    if os.geteuid() != 0 or ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        print("bench: TCP congestion control is BBR here, which paces large answers by timers;\n"
              "bench: scenarios c to e say little. Run as root, or set it to cubic.", file=sys.stderr)
        return
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with open(CONTROL, "w") as file:
        file.write("reno")
