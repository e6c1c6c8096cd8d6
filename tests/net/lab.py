# SPDX-License-Identifier: MIT
"""Networks of network namespaces: hosts, routers with NAT, bridges, bad lines. Needs root, iproute2 and nftables.

    with Lab() as lab:
        internet = lab.segment("internet")
        home = lab.segment("home")
        router = lab.router("router", outside=(internet, "203.0.113.17/24"), inside=(home, "192.168.0.1/24"))
        host = lab.host("host")
        host.plug(home, "192.168.0.10/24", via="192.168.0.1")
        router.forward(9090, "192.168.0.10", 12800)
        server = host.spawn("atrium-server", "--port", "12800")
        with guest.inside():
            client = Client(folder)

A namespace belongs to a thread, and whatever a thread makes, be it a socket, a thread or a process, is born where the thread is: `inside`
takes the calling thread into a host for the length of a block. That is how a real client of this very process lives on that host: its
engine's thread is born there and stays. One thing is not where the client is: names are looked up
by threads that all clients of a process share, born wherever the first look-up was. Who needs those gets a process of its own, and
`names_from` tells it whom to ask.

No namespace has a way out: what is sent in a lab stays in it. All addresses are private or made for documentation (but for 25/8, nobody's on
the internet, where a program insists on a public one). Everything goes with
the lab, processes first; of what a killed run has left behind, the next one finds the names, which hold its process's number, and removes it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "atrlab"
COMMAND_S = 10.0
END_S = 5.0

_CLONE_NEWNET = 0x40000000
_NETNS = Path("/run/netns")
_libc = ctypes.CDLL(None, use_errno=True)


def why_not() -> str:
    """Why no lab can be made here; empty where one can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [name for name in ("ip", "nft") if shutil.which(name) is None]
    if missing:
        return f"there is no {' and no '.join(missing)}"
    name = f"{PREFIX}{os.getpid()}-try"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, timeout=COMMAND_S)
    if made.returncode != 0:
        return f"this system makes no network namespaces: {made.stderr.strip()}"
    try:
        tried = subprocess.run(
            ["ip", "netns", "exec", name, "nft", "add table ip try"], capture_output=True, text=True, timeout=COMMAND_S
        )
        return f"nftables does not work here: {tried.stderr.strip()}" if tried.returncode else ""
    finally:
        _remove(name)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"
    return done.stdout


def _processes(name: str) -> list[int]:
    found = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, timeout=COMMAND_S)
    return [int(pid) for pid in found.stdout.split() if int(pid) != os.getpid()]


def _remove(name: str) -> None:
    """Ends what runs in a namespace, then the namespace."""
    end = time.monotonic() + END_S
    while (pids := _processes(name)) and time.monotonic() < end:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    subprocess.run(["ip", "netns", "del", name], capture_output=True, timeout=COMMAND_S)


def sweep() -> list[str]:
    """Removes what runs that are no more have left behind; returns the names."""
    found = []
    for path in _NETNS.glob(f"{PREFIX}*") if _NETNS.is_dir() else ():
        owner = re.fullmatch(rf"{PREFIX}(\d+)-.*", path.name)
        if owner and not Path("/proc", owner[1]).exists():
            _remove(path.name)
            found.append(path.name)
    return found


@contextlib.contextmanager
def _in_namespace(name: str) -> Iterator[None]:
    """Takes this thread there and back."""
    with open("/proc/thread-self/ns/net", "rb") as home, (_NETNS / name).open("rb") as there:
        _enter(there.fileno())
        try:
            yield
        finally:
            _enter(home.fileno())


def _enter(fd: int) -> None:
    if _libc.setns(fd, _CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


@dataclass
class Segment:
    """A switch: a bridge in a namespace of its own."""

    namespace: str
    ports: int = 0


@dataclass
class Host:
    """A machine: a namespace with interfaces eth0, eth1, ... in the order in which it was plugged in."""

    lab: Lab
    name: str
    namespace: str
    interfaces: int = 0
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    launcher: tuple[str, ...] = ()

    def plug(self, segment: Segment, *addresses: str, via: str = "") -> str:
        """Another interface, on this segment; the names of what it is called."""
        interface, port = f"eth{self.interfaces}", f"port{segment.ports}"
        self.interfaces += 1
        segment.ports += 1
        self.ip(f"link add {interface} type veth peer name {port} netns {segment.namespace}")
        _run("ip", "-n", segment.namespace, "link", "set", port, "master", "bridge", "up")
        self.ip(f"link set {interface} gso_max_segs 1 up")
        for address in addresses:
            # An IPv6 address is otherwise not usable for a second, in which it might turn out to be somebody else's.
            self.ip(f"addr add {address} dev {interface}" + (" nodad" if ":" in address else ""))
        if via:
            self.ip(f"route add default via {via}")
        self._runs(interface)
        return interface

    def _runs(self, interface: str) -> None:
        """The kernel tells up to a second later that the cable is in; until then nobody asks or answers there."""
        end = time.monotonic() + COMMAND_S
        while "state UP" not in self.ip(f"link show {interface}"):
            assert time.monotonic() < end, self.ip(f"link show {interface}")
            time.sleep(0.01)

    def ip(self, words: str) -> str:
        return _run("ip", "-n", self.namespace, *words.split())

    def nft(self, rules: str) -> None:
        """Adds rules, as a file of nftables has them."""
        with self.inside():
            done = subprocess.run(["nft", "-f", "-"], input=rules, capture_output=True, text=True, timeout=COMMAND_S)
        assert done.returncode == 0, f"{rules}\n{done.stderr}"

    def set(self, name: str, value: int) -> None:
        """A sysctl of this machine, by its path below net."""
        with self.inside():
            Path("/proc/sys/net", name).write_text(f"{value}\n")

    def inside(self) -> contextlib.AbstractContextManager[None]:
        return _in_namespace(self.namespace)

    def spawn(
        self, *command: str, log: Path | None = None, env: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Starts a program; it ends with the lab."""
        with self.inside(), (log or Path(os.devnull)).open("ab") as out:
            whole = (*self.launcher, *command)
            process = subprocess.Popen(whole, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env)
        self.processes.append(process)
        return process

    def names_from(self, server: str, folder: Path, *, prefer_ipv4: bool = False, options: str = "") -> None:
        """Programs that are started here from now on look names up at that server, and nowhere else: none of the real machine's own
        services is asked. Where a name has addresses of both families, IPv6 comes first, as systems have it by themselves. `options`: of resolv.conf."""
        files = {
            "resolv.conf": f"nameserver {server}\n{options}\n",
            "hosts": "127.0.0.1 localhost\n::1 localhost\n",
            "nsswitch.conf": "hosts: files dns\n",
            "gai.conf": f"precedence ::/0 40\nprecedence ::ffff:0:0/96 {100 if prefer_ipv4 else 10}\n",
        }
        mounts = []
        for name, text in files.items():
            own, real = folder / f"{self.name}-{name}", Path("/etc", name)
            own.write_text(text)
            if real.exists():  # a mount needs something to lie on
                mounts.append(f"mount --bind {own} {real.resolve()}")
        script = " && ".join([*mounts, 'exec "$@"'])
        self.launcher = ("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh")

    def listens(self, port: int, timeout: float = 10.0, address: str = "127.0.0.1") -> None:
        """Returns when something accepts connections there."""
        end = time.monotonic() + timeout
        while True:
            with self.inside(), contextlib.suppress(OSError), socket.create_connection((address, port), 1.0):
                return
            assert time.monotonic() < end, f"nobody listens on {self.name}, port {port}"
            time.sleep(0.02)


class Router(Host):
    """Two interfaces, eth0 outside and eth1 inside. Sends the inside's packets out under its own address and lets nothing in uninvited."""

    def translate(self, address: str) -> None:
        self.address = address.partition("/")[0]
        self.set("ipv4/ip_forward", 1)
        self.nft(
            """
            table ip nat {
                chain pre { type nat hook prerouting priority dstnat; }
                chain post { type nat hook postrouting priority srcnat;
                    oifname "eth0" masquerade
                    iifname "eth1" oifname "eth1" masquerade comment "hairpin"
                }
            }
            table ip filter {
                chain input { type filter hook input priority 0;
                    iifname "eth0" ct state new,invalid drop
                }
                chain forward { type filter hook forward priority 0; policy drop;
                    ct state established,related accept
                    ct state invalid drop
                    iifname "eth1" accept
                    ct status dnat accept
                }
            }
            """
        )

    def forward(self, port: int, to: str, to_port: int, *, hairpin: bool = False) -> None:
        """What comes to `port` goes to `to_port` of a machine inside; with `hairpin` also what comes from the inside."""
        where = "" if hairpin else 'iifname "eth0" '
        self.nft(f"add rule ip nat pre {where}ip daddr {self.address} tcp dport {port} dnat to {to}:{to_port}")


class Lab:
    """Holds all namespaces; the end of the block removes them."""

    def __init__(self) -> None:
        self.hosts: dict[str, Host] = {}
        self.segments: list[Segment] = []
        self._namespaces: list[str] = []

    def __enter__(self) -> Self:
        sweep()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        processes = [process for host in self.hosts.values() for process in host.processes]
        for process in processes:
            process.kill()
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_S)
        while self._namespaces:
            _remove(self._namespaces.pop())

    def segment(self, name: str) -> Segment:
        namespace = self._namespace(name)
        _run("ip", "-n", namespace, "link", "add", "bridge", "type", "bridge", "mcast_snooping", "0")
        _run("ip", "-n", namespace, "link", "set", "bridge", "up")
        self.segments.append(Segment(namespace))
        return self.segments[-1]

    def host(self, name: str) -> Host:
        return self._add(Host(self, name, self._namespace(name)))

    def router(self, name: str, outside: tuple[Segment, str], inside: tuple[Segment, str]) -> Router:
        """A home's router: address translation outwards, nothing inwards."""
        router = Router(self, name, self._namespace(name))
        self._add(router)
        router.plug(*outside)
        router.plug(*inside)
        router.translate(outside[1])
        return router

    def wire(self, a: Segment, b: Segment, delay_ms: float = 0, jitter_ms: float = 0, loss_percent: float = 0) -> Host:
        """Joins two segments by a bad line: so late each way, and not every packet arrives (tests/net/wire.py)."""
        line = self.host(f"wire{len(self.segments)}")
        for segment in (a, b):
            line.set(f"ipv6/conf/{line.plug(segment)}/disable_ipv6", 1)
        words = [str(word) for word in (delay_ms, jitter_ms, loss_percent, 7)]
        line.spawn(sys.executable, "-m", "tests.net.wire", *words)
        return line

    def _add(self, host: Host) -> Host:
        self.hosts[host.name] = host
        host.ip("link set lo up")
        return host

    def _namespace(self, name: str) -> str:
        full = f"{PREFIX}{os.getpid()}-{name}"
        self._namespaces.append(full)
        _run("ip", "netns", "add", full)
        return full
