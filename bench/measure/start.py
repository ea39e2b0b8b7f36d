"""What all programs of the benchmark do first."""

import os
import tempfile

from . import generators, machine, network, servers


def options(parser):
    parser.add_argument("--candor", metavar="PROGRAM", help="default: target/release/candor")
    parser.add_argument("--dir", metavar="DIR", help="for files, logs and configurations; "
                        "default: candor-bench in the folder for temporary files")
    parser.add_argument("--nice", type=int, default=0, metavar="N", help="niceness of servers and generators; "
                        "negative on a machine with other work (needs root)")


def prepare(options):
    """Follows the common options; returns the folder for everything."""
    network.own()
    machine.niceness = options.nice
    find_candor(options)
    return folder(options)


def folder(options):
    path = os.path.abspath(options.dir or os.path.join(tempfile.gettempdir(), "candor-bench"))
    os.makedirs(path, exist_ok=True)
    return path


def find_candor(options):
    target = os.environ.get("CARGO_TARGET_DIR") or os.path.join(os.path.dirname(generators.BENCH), "target")
    servers.Candor.path = os.path.abspath(options.candor or os.path.join(target, "release", "candor"))
