# SPDX-License-Identifier: MIT
"""What a home's router runs to be asked for ports: miniupnpd, the program that many real ones run, a stand-in that lies, and a firewall for
IPv6 that is opened over PCP.

    gateway = Miniupnpd(router, folder, "pcp")        # asked over PCP alone; "natpmp", "upnp"
    Miniupnpd(router, folder, "upnp", lifetime_s=6)   # grants no more than that
    gateway.ports()                                   # {12800: ("192.168.0.10", 12800)}: what is passed on
    gateway.crash(); gateway.start()                  # its table is lost

    holes(router, folder, lifetime_s=600)             # lets nothing in over IPv6 that was not asked for

    python -m tests.net.gateways ROUTER MODE LOG      # the stand-in, on the router's inner address; MODE as in `Liar`, or `holes LIFETIME_S`,
                                                      # or `short LIFETIME_S`

miniupnpd takes addresses that are private or made for documentation for no outside. 25/8 is neither, and nobody's on the internet, where
nothing of this gets anyway: homes with miniupnpd have their outside there.
"""

from __future__ import annotations

import contextlib
import json
import re
import selectors
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.net.lab import Host, Router

OUTSIDE = "25.0.113.17"
INSIDE = "192.168.0.1"
LAN = "192.168.0.0/24"
PCP_PORT, SSDP_PORT, WEB_PORT, SHORT_PORT = 5351, 1900, 5000, 5001
LIFETIME_S = 600

_TABLE = """
table inet miniupnpd {
    chain forward_ports { }
    chain pre_ports { }
    chain post_ports { }
    chain forward { type filter hook forward priority -5; jump forward_ports; }
    chain pre { type nat hook prerouting priority -105; jump pre_ports; }
    chain post { type nat hook postrouting priority 95; jump post_ports; }
}
"""

_CONFIGURATION = f"""
ext_ifname=eth0
listening_ip=eth1
http_port={WEB_PORT}
enable_upnp={{upnp}}
enable_natpmp={{pmp}}
min_lifetime=2
max_lifetime={{lifetime_s}}
system_uptime=no
secure_mode={{secure}}
uuid=ecd01383-e3b8-4858-bec0-c0f929d15d00
upnp_table_name=miniupnpd
upnp_nat_table_name=miniupnpd
upnp_forward_chain=forward_ports
upnp_nat_chain=pre_ports
upnp_nat_postrouting_chain=post_ports
allow 1024-65535 {LAN} 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
"""


class Miniupnpd:
    """A router that passes ports on where it is asked in one way."""

    def __init__(self, router: Router, folder: Path, way: str, lifetime_s: int = LIFETIME_S) -> None:
        self.router, self.folder = router, folder / router.name
        self.folder.mkdir(exist_ok=True)
        self.configuration = self.folder / "miniupnpd.conf"
        is_upnp, is_short = way == "upnp", lifetime_s != LIFETIME_S
        self.configuration.write_text(
            _CONFIGURATION.format(
                upnp="yes" if is_upnp else "no",
                pmp="no" if is_upnp else "yes",
                lifetime_s=LIFETIME_S if is_upnp else lifetime_s,
                secure="no" if is_upnp and is_short else "yes",  # whom `Short` speaks for is not who calls
            )
        )
        self.way, self.log = way, self.folder / "miniupnpd.log"
        router.nft(_TABLE)
        if way == "natpmp":  # it speaks both on one port; PCP's packets begin with its version
            router.nft(f"add rule ip filter input udp dport {PCP_PORT} @th,64,8 2 drop")
        if is_short:
            self.shorten(lifetime_s)
        self.start()

    def shorten(self, lifetime_s: int) -> None:
        """It bounds PCP's leases alone. For the others it is asked for no longer ones: over NAT-PMP the number is replaced in a request for
        TCP that is none to take it back."""
        if self.way == "natpmp":
            asked = f"udp dport {PCP_PORT} @th,72,8 2 @th,128,32 != 0"
            self.router.nft(f"add rule ip filter input {asked} @th,128,32 set {lifetime_s}")
        elif self.way == "upnp":
            _start(self.router, INSIDE, "short", str(lifetime_s), self.folder / "short.log")
            to = f"tcp dport {WEB_PORT} redirect to :{SHORT_PORT}"
            self.router.nft(f'add rule ip nat pre iifname "eth1" {to}')

    def start(self) -> None:
        log = self.log
        start = log.stat().st_size if log.exists() else 0
        self.process = self.router.spawn(
            "miniupnpd", "-d", "-f", str(self.configuration), "-P", str(self.folder / "pid"), log=log
        )
        wanted = "HTTP listening" if self.way == "upnp" else "Listening for NAT-PMP"
        end = time.monotonic() + 10
        while wanted not in log.read_text(errors="replace")[start:]:
            if "Minimum lifetime" in log.read_text(errors="replace"):  # from 2.3.7 or so on
                pytest.skip("NO SHORT MAPPINGS: this miniupnpd grants none below 120 s, too long to wait for")
            assert time.monotonic() < end and self.process.poll() is None, log.read_text(errors="replace")
            time.sleep(0.02)

    def crash(self) -> None:
        """As a router does whose plug is pulled."""
        self.process.kill()
        self.process.wait()
        self.router.nft("flush chain inet miniupnpd forward_ports; flush chain inet miniupnpd pre_ports")

    def has_ended_one(self) -> bool:
        """Whether a lease has run out. That a port is missing does not say so: some renewals take a mapping out and put it in again."""
        return "because it has expired" in self.log.read_text(errors="replace")

    def ports(self) -> dict[int, tuple[str, int]]:
        """What its table passes on: outer port -> address and port inside."""
        with self.router.inside():
            command = ["nft", "list", "chain", "inet", "miniupnpd", "pre_ports"]
            rules = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
        found = re.findall(r"dport (\d+) dnat (?:ip )?to ([\d.]+):(\d+)", rules)
        return {int(outer): (address, int(inner)) for outer, address, inner in found}


# --- the stand-in ----------------------------------------------------------------------------------------------------

_ENVELOPE = '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body></s:Envelope>'
_DESCRIPTION = (
    '<?xml version="1.0"?><root><device><deviceList><device><serviceList><service><serviceType>'
    "urn:schemas-upnp-org:service:WANIPConnection:1</serviceType><controlURL>{}</controlURL></service></serviceList></device>"
    "</deviceList></device></root>"
)
_NO_SUCH_ENTRY = "<s:Fault><detail><UPnPError><errorCode>714</errorCode></UPnPError></detail></s:Fault>"


def _request(line: socket.socket) -> str:
    """A whole request over HTTP."""
    line.settimeout(10)
    text = ""
    while "\r\n\r\n" not in text or len(text.partition("\r\n\r\n")[2]) < _length(text):
        if not (more := line.recv(4096)):
            raise ConnectionError("half a request")
        text += more.decode()
    return text


def _length(text: str) -> int:
    found = re.search(r"Content-Length: (\d+)", text)
    return int(found[1]) if found else 0


class Liar:
    """Answers PCP, NAT-PMP and UPnP, and passes on nothing. What it was asked goes to a file, a line each.

    MODE: `pcp OUTSIDE`, `natpmp OUTSIDE`, `upnp OUTSIDE` say yes to everything, with this outer address; `upnp-forgets` says yes, and
    knows nothing of it when it is asked again; `upnp-elsewhere ADDRESS` names another machine as the router; `upnp-detour ADDRESS` has its
    description name another machine; `garbage` answers everything with noise; `huge` and `slow` have a description without an end;
    `bystander` answers searches in the router's place, with its own address.
    """

    def __init__(self, address: str, mode: str, argument: str, log: Path) -> None:
        self.address, self.mode, self.argument, self.log = address, mode, argument, log
        self.entries: dict[str, tuple[str, str]] = {}
        self.selector = selectors.DefaultSelector()
        self.outside = socket.inet_aton(argument if mode in ("pcp", "natpmp", "upnp") else "203.0.113.99")
        if mode in ("pcp", "natpmp", "garbage"):
            self._open(socket.SOCK_DGRAM, PCP_PORT, self.control)
        if mode.startswith("upnp") or mode in ("garbage", "huge", "slow", "bystander"):
            self._open(socket.SOCK_DGRAM, SSDP_PORT, self.search)
            self._open(socket.SOCK_STREAM, WEB_PORT, self.web)

    def _open(self, kind: int, port: int, handler: Any) -> None:
        one = socket.socket(socket.AF_INET, kind)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("" if port == SSDP_PORT else self.address, port))
        if port == SSDP_PORT:
            group = socket.inet_aton("239.255.255.250") + socket.inet_aton(self.address)
            one.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
        if kind == socket.SOCK_STREAM:
            one.listen(16)
        self.selector.register(one, selectors.EVENT_READ, handler)

    def note(self, **what: object) -> None:
        with self.log.open("a") as log:
            log.write(json.dumps(what) + "\n")

    def run(self) -> None:
        self.note(ready=self.mode)
        while True:
            for key, _ in self.selector.select():
                with contextlib.suppress(OSError):
                    key.data(key.fileobj)

    def control(self, udp: socket.socket) -> None:
        asked, peer = udp.recvfrom(2048)
        self.note(control=asked.hex())
        if self.mode == "garbage":
            udp.sendto(bytes(range(7, 7 + len(asked))), peer)
        elif self.mode == "pcp" and asked[0] == 2:
            head = bytes([2, 0x81, 0, 0]) + asked[4:8] + bytes([0, 0, 0, 9]) + bytes(12)
            udp.sendto(head + asked[24:44] + bytes(10) + b"\xff\xff" + self.outside, peer)
        else:
            udp.sendto(self.natpmp(asked), peer)

    def natpmp(self, asked: bytes) -> bytes:
        if asked[0] != 0 or self.mode != "natpmp":
            return bytes([0, 0x80 | asked[1], 0, 1, 0, 0, 0, 9])
        head = bytes([0, 0x80 | asked[1], 0, 0, 0, 0, 0, 9])
        return head + (self.outside if asked[1] == 0 else asked[4:12])

    def search(self, udp: socket.socket) -> None:
        asked, peer = udp.recvfrom(2048)
        if not asked.startswith(b"M-SEARCH"):
            return
        self.note(search=peer[0])
        where = self.argument if self.mode == "upnp-elsewhere" else self.address
        answer = f"HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nLOCATION: http://{where}:{WEB_PORT}/root.xml\r\n\r\n"
        udp.sendto(b"\x00\xff" * 40 if self.mode == "garbage" else answer.encode(), peer)

    def web(self, listener: socket.socket) -> None:
        line, peer = listener.accept()
        with line:
            text = _request(line)
            self.note(web=text.partition("\r\n")[0], peer=peer[0], action="".join(re.findall(r"#(\w+)", text)))
            if self.mode in ("huge", "slow"):
                self.endless(line)
            else:
                self.say(line, *self.reply(text))

    def endless(self, line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        sent = 0
        while sent < 1 << 30:
            sent += line.send(b"<a>" * (1 if self.mode == "slow" else 20000))
            time.sleep(0.05 if self.mode == "slow" else 0)

    def say(self, line: socket.socket, status: int, body: str) -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        line.sendall((head + body).encode())

    def reply(self, text: str) -> tuple[int, str]:
        if text.startswith("GET "):
            elsewhere = f"http://{self.argument}:{WEB_PORT}/ctl"
            return 200, _DESCRIPTION.format(elsewhere if self.mode == "upnp-detour" else "/ctl")
        action = re.search(r"#(\w+)", text)
        name, values = action[1] if action else "", ""
        given = dict(re.findall(r"<New(\w+)>([^<]*)<", text))
        if name == "AddPortMapping" and self.mode != "upnp-forgets":
            self.entries[given["ExternalPort"]] = (given["InternalClient"], given["InternalPort"])
        if name == "GetSpecificPortMappingEntry":
            if given["ExternalPort"] not in self.entries:
                return 500, _ENVELOPE.format(_NO_SUCH_ENTRY)
            client, port = self.entries[given["ExternalPort"]]
            values = f"<NewInternalPort>{port}</NewInternalPort><NewInternalClient>{client}</NewInternalClient>"
        if name == "GetExternalIPAddress":
            values = f"<NewExternalIPAddress>{socket.inet_ntoa(self.outside)}</NewExternalIPAddress>"
        return 200, _ENVELOPE.format(f'<u:{name}Response xmlns:u="x">{values}</u:{name}Response>')


# --- short leases ----------------------------------------------------------------------------------------------------


class Short:
    """Stands before miniupnpd's UPnP, which grants whatever lease is asked for, and has it asked for a shorter one. How long the lease is then,
    miniupnpd itself says to whoever looks, and it ends the mapping with it."""

    def __init__(self, address: str, lifetime_s: int, log: Path) -> None:
        self.address, self.lifetime_s = address, lifetime_s
        self.listener = socket.create_server((address, SHORT_PORT))
        log.touch()

    def run(self) -> None:
        while True:
            line, _ = self.listener.accept()
            with contextlib.suppress(OSError), line:
                self.pass_on(line, _request(line))

    def pass_on(self, line: socket.socket, text: str) -> None:
        head, _, body = text.partition("\r\n\r\n")
        body = re.sub(r"(<NewLeaseDuration>)\d+", rf"\g<1>{self.lifetime_s}", body)
        head = re.sub(r"(Content-Length: )\d+", rf"\g<1>{len(body)}", head)
        with socket.create_connection((self.address, WEB_PORT), 10) as router:
            router.sendall(f"{head}\r\n\r\n{body}".encode())
            while some := router.recv(4096):
                line.sendall(some)


# --- IPv6 ------------------------------------------------------------------------------------------------------------

LINK_LOCAL = "fe80::1"

_FIREWALL = """
table ip6 filter {
    chain holes { }
    chain forward { type filter hook forward priority 0; policy drop;
        ct state established,related accept
        iifname "eth1" accept
        jump holes
    }
}
"""


class Holes:
    """A router's firewall for IPv6: whoever asks over PCP (RFC 6887, MAP) is reached at the port that it named, for so long."""

    def __init__(self, address: str, lifetime_s: int, log: Path) -> None:
        self.lifetime_s, self.log = lifetime_s, log
        self.began = time.monotonic()
        self.open: dict[tuple[str, int], tuple[bytes, float]] = {}
        self.udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.udp.bind((address, PCP_PORT, 0, socket.if_nametoindex("eth1")))
        self.udp.settimeout(0.1)

    def run(self) -> None:
        self.log.write_text("[]")
        while True:
            with contextlib.suppress(TimeoutError):
                asked, peer = self.udp.recvfrom(1100)
                self.udp.sendto(self.answer(asked, peer[0]), peer)
            before = dict(self.open)
            self.open = {hole: kept for hole, kept in self.open.items() if kept[1] > time.monotonic()}
            if self.open != before:
                self.enforce()

    def answer(self, asked: bytes, peer: str) -> bytes:
        wanted_s = int.from_bytes(asked[4:8])
        inner, nonce, port = socket.inet_ntop(socket.AF_INET6, asked[8:24]), asked[24:36], int.from_bytes(asked[40:42])
        result, granted_s = 0, min(wanted_s, self.lifetime_s)
        if asked[0] != 2 or asked[1] != 1 or asked[36] != socket.IPPROTO_TCP:
            result = 4
        elif inner != peer:
            result = 12
        elif (inner, port) in self.open and self.open[inner, port][0] != nonce:
            result = 2
        elif wanted_s:
            self.open[inner, port] = nonce, time.monotonic() + granted_s
        else:
            self.open.pop((inner, port), None)
        self.enforce()
        clock_s = int(time.monotonic() - self.began)
        head = bytes([2, 0x81, 0, result]) + granted_s.to_bytes(4) + clock_s.to_bytes(4) + bytes(12)
        return head + asked[24:42] + asked[40:42] + asked[8:24]

    def enforce(self) -> None:
        rules = ["flush chain ip6 filter holes"]
        rules += [f"add rule ip6 filter holes ip6 daddr {inner} tcp dport {port} accept" for inner, port in self.open]
        subprocess.run(["nft", "-f", "-"], input="\n".join(rules), text=True, check=True, timeout=10)
        new = self.log.with_suffix(".new")
        new.write_text(json.dumps(sorted(self.open)))
        new.replace(self.log)  # whoever reads it meanwhile reads all of it


def holes(router: Router, folder: Path, lifetime_s: int = 600) -> Path:
    """Starts it; returns the file that says what is open, a list of address and port."""
    router.ip(f"addr add {LINK_LOCAL}/64 dev eth1 nodad")
    router.set("ipv6/conf/all/forwarding", 1)
    router.nft(_FIREWALL)
    return _start(router, LINK_LOCAL, "holes", str(lifetime_s), folder / "holes.json")


def lie(host: Host, folder: Path, address: str, mode: str, argument: str = "") -> Path:
    """Starts the stand-in on that machine; returns the file with what it was asked."""
    return _start(host, address, mode, argument, folder / f"{host.name}-{mode}.log")


def _start(host: Host, address: str, mode: str, argument: str, log: Path) -> Path:
    errors = log.with_suffix(".err")
    host.spawn(sys.executable, "-m", "tests.net.gateways", address, mode, argument, str(log), log=errors)
    end = time.monotonic() + 10
    while not log.exists():
        assert time.monotonic() < end, errors.read_text() if errors.exists() else "it does not start"
        time.sleep(0.02)
    return log


if __name__ == "__main__":
    if sys.argv[2] == "holes":
        Holes(sys.argv[1], int(sys.argv[3]), Path(sys.argv[4])).run()
    if sys.argv[2] == "short":
        Short(sys.argv[1], int(sys.argv[3]), Path(sys.argv[4])).run()
    Liar(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4])).run()
