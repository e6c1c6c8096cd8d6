# SPDX-License-Identifier: MIT
"""Tunnels and proxies: one that carries TCP (ssh, bore, frp), those that carry HTTP alone (nginx, and one that holds bytes back), and what pretends."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from atrium import AtriumError, Client, Room
from tests.net.conftest import PORT, Server, World, needs, settle
from tests.net.lab import Host
from tests.net.test_paths import HOST, edit_together
from tests.net.tunnel import BORE, FRPC, FRPS, Hoarder, Portal, bore_tunnel, frp_tunnel

RELAY = "203.0.113.99"


def five_users(world: World, host: Client, link: str, room_id: str) -> None:
    """Five people in five homes through one tunnel: to the server all come from one address, and are five users all the same."""
    room = host.joined[room_id]
    guests: list[Client] = []
    for i in range(5):
        home = world.on_the_internet(f"guest{i}", f"203.0.113.{40 + i}/24")
        guests.append(world.client(home))
        guests[-1].connect(link, timeout=15, name=f"Guest {i}")
    for i, guest in enumerate(guests):
        guest.join(room_id).create({"type": "Text", "name": f"from {i}"})
    everybody = [host, *guests]
    wanted = {f"from {i}" for i in range(5)}
    for one in everybody:
        documents = one.joined[room_id].documents
        settle(everybody, lambda d=documents: {t["name"] for t in d.values()} == wanted, what="all five edits")
    settle([host], lambda: len(room.members) == 6, what="the list of members")
    assert len({guest.key for guest in guests}) == 5


def sshd(relay: Host, folder: Path) -> Path:
    """A rented machine with an address of its own, and a key that opens it; the key's file."""
    for name in ("host_key", "user_key"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True, timeout=20
        )
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd insists on it
    config = folder / "sshd_config"
    config.write_text(
        f"Port 22\nHostKey {folder}/host_key\nAuthorizedKeysFile {folder}/user_key.pub\nPidFile none\nUsePAM no\n"
        "StrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\nGatewayPorts yes\n"
    )
    relay.spawn("/usr/sbin/sshd", "-D", "-e", "-f", str(config), log=folder / "sshd.log")
    relay.listens(22)
    return folder / "user_key"


def ssh_tunnel(machine: Host, relay: Host, port: int, folder: Path) -> None:
    """`ssh -R`: the rented machine's port 9090 leads to that port of this machine."""
    key = sshd(relay, folder)
    options = [
        "StrictHostKeyChecking=no",
        f"UserKnownHostsFile={folder}/known",
        "ExitOnForwardFailure=yes",
        "BatchMode=yes",
    ]
    words = [word for option in options for word in ("-o", option)]
    machine.spawn(
        *("ssh", "-N", "-F", "none", "-i", str(key), *words, "-R", f"0.0.0.0:9090:127.0.0.1:{port}", f"root@{RELAY}"),
        log=folder / "ssh.log",
    )
    relay.listens(9090)


def anna_and_a_relay(world: World) -> tuple[Host, Host, Server, Client, Room]:
    """Her machine at home and a rented one; her server, she as its host, and a room."""
    anna, _, _ = world.home_of("anna", HOST)
    relay = world.on_the_internet("relay", f"{RELAY}/24")
    server = world.serve(anna)
    host = world.owner(server)
    return anna, relay, server, host, host.create_room("Film")


@needs("ssh", "sshd")
def test_ssh_tunnel_with_five_users(world: World, tmp_path: Path) -> None:
    anna, relay, server, host, room = anna_and_a_relay(world)
    ssh_tunnel(anna, relay, PORT, tmp_path)
    link = host.create_invite(room.id, addresses=[f"tcp://{RELAY}:9090"])
    five_users(world, host, link, room.id)
    server.process.terminate()
    server.process.wait(10)
    late = world.client(relay, "late")
    with pytest.raises(AtriumError, match="closed before the host had answered: is the host connected"):
        late.connect(link, timeout=20)  # the tunnel still stands, and has nobody behind it


@pytest.mark.parametrize(
    "program", [pytest.param("bore", marks=needs(BORE)), pytest.param("frp", marks=needs(FRPS, FRPC))]
)
def test_tunnel_with_five_users(world: World, tmp_path: Path, program: str) -> None:
    """As docs/get-connected.md has it: the address of the tunnel, which bore prints and frp's file names, is typed in, and goes into the invite."""
    anna, relay, _, host, room = anna_and_a_relay(world)
    if program == "bore":
        public = bore_tunnel(anna, relay, RELAY, PORT, tmp_path)
    else:
        public = frp_tunnel(anna, relay, RELAY, tmp_path)
    host.look_around(public=public)
    link = host.create_invite(room.id)
    five_users(world, host, link, room.id)

    def internet() -> str:
        return next(str(one["state"]) for one in host.reach if one["audience"] == "internet")

    settle([host], lambda: internet() == "works", what="word that somebody came through it")
    anna.processes[-1].kill()
    late = world.client(relay, "late")
    with pytest.raises(AtriumError) as failure:
        late.connect(link, timeout=20)
    # The relay may not have noticed yet that its program has ended: it takes the guest in, and nothing follows.
    assert failure.value.code in ("TIMEOUT", "CLOSED", "CONNREFUSED"), failure.value


def nginx(relay: Host, folder: Path, upstream: str, idle_s: int = 60) -> None:
    """An HTTP reverse proxy as its manual has it for WebSockets, with and without TLS of its own. It ends those that are idle for so long."""
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=tunnel.example",
            "-days",
            "2",
        ]
        + ["-keyout", str(folder / "operator.key"), "-out", str(folder / "operator.crt")],
        check=True,
        capture_output=True,
        timeout=20,
    )
    (folder / "nginx.conf").write_text(
        f"""
        daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log;
        events {{ }}
        http {{
            access_log {folder}/access.log;
            client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
            server {{
                listen 80; listen 443 ssl;
                ssl_certificate {folder}/operator.crt; ssl_certificate_key {folder}/operator.key;
                location /atrium {{
                    proxy_pass http://{upstream}; proxy_http_version 1.1;
                    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";
                    proxy_read_timeout {idle_s}s;
                }}
            }}
        }}
        """
    )
    relay.spawn("/usr/sbin/nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), log=folder / "nginx.log")
    relay.listens(80)


def anna_behind_nginx(world: World, folder: Path, idle_s: int = 60) -> tuple[Host, Host, Server, Client, Room]:
    """Her machine at home and the proxy; her server, she as its host, and a room."""
    anna, router, _ = world.home_of("anna", HOST)
    router.forward(9090, "192.168.0.10", PORT)
    relay = world.on_the_internet("relay", f"{RELAY}/24")
    nginx(relay, folder, f"{HOST}:9090", idle_s)
    server = world.serve(anna, "--open")
    host = world.owner(server)
    return anna, relay, server, host, host.create_room("Film")


def names_in(client: Client, room_id: str) -> set[str]:
    return {str(tree["name"]) for tree in client.joined[room_id].documents.values()}


def states_within(client: Client, seconds: float) -> set[str]:
    """All that the client's state was meanwhile."""
    seen: set[str] = set()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        client.pump(0.05)
        seen.add(client.state)
    return seen


@needs("nginx")
def test_websocket_through_nginx(world: World, tmp_path: Path) -> None:
    _, _, server, host, room = anna_behind_nginx(world, tmp_path)
    ben = world.on_the_internet("ben", "203.0.113.50/24")
    for i, address in enumerate((f"ws://{RELAY}/atrium", f"wss://{RELAY}/atrium/too", f"https://{RELAY}/atrium")):
        edit_together(host, world.guest(ben, server, address, f"ben {i}"), room.id)
    five_users_link = host.create_invite(room.id, addresses=[f"wss://{RELAY}/atrium"])
    for document in list(room.documents):
        room.delete(document)
    room.flush()
    for client in world.clients[1:]:
        client.close()
    five_users(world, host, five_users_link, room.id)
    lost = world.client(ben, "lost")
    with pytest.raises(AtriumError) as failure:
        lost.connect(f"http://{RELAY}/elsewhere", timeout=15)
    assert failure.value.code == "NOT_ATRIUM"
    log = (tmp_path / "access.log").read_text()
    assert "join#" not in log and host.key not in log


@needs("nginx")
@pytest.mark.parametrize(("idle_s", "place"), [(12, "room"), (12, "lobby"), (3, "room")])
def test_a_proxy_that_ends_idle_websockets(world: World, tmp_path: Path, idle_s: int, place: str) -> None:
    """The keepalive of 5 s is word enough for those of real life (nginx waits 60 s). With less patience it shows that the proxy ends them indeed; and then
    the guest comes back each time."""
    _, _, server, host, room = anna_behind_nginx(world, tmp_path, idle_s)
    guest = world.guest(world.on_the_internet("ben", "203.0.113.50/24"), server, f"wss://{RELAY}/atrium")
    if place == "room":
        guest.join(room.id)
    seen = set[str]()
    end = time.monotonic() + 27
    while time.monotonic() < end and not (idle_s < 5 and "RECONNECTING" in seen):
        host.pump(0.05)
        guest.pump(0.05)
        seen.add(guest.state)
    if idle_s < 5:
        assert "RECONNECTING" in seen
        guest.joined[room.id].create({"type": "Text", "name": "here again"})
    else:
        assert seen == {"JOINED" if place == "room" else "LOBBY"}
        (guest.joined.get(room.id) or guest.join(room.id)).create({"type": "Text", "name": "here again"})
    settle([host, guest], lambda: "here again" in names_in(host, room.id), what="the edit")


@needs("nginx")
@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_guests_behind_nginx_wait_while_the_server_starts_anew(world: World, tmp_path: Path, scheme: str) -> None:
    """It answers 502 itself meanwhile. They come back by themselves, with what they changed; who comes new is told that nobody is behind it."""
    anna, _, server, host, room = anna_behind_nginx(world, tmp_path)
    ben = world.on_the_internet("ben", "203.0.113.50/24")
    guest = world.guest(ben, server, f"{scheme}://{RELAY}/atrium")
    theirs = guest.join(room.id)
    server.process.kill()
    server.process.wait(10)
    settle([guest], lambda: guest.state == "RECONNECTING", what="noticing the end")
    theirs.create({"type": "Text", "name": "made meanwhile"})
    late = world.client(ben, "late")
    with pytest.raises(AtriumError, match="but nobody is behind it: is the host connected") as failure:
        late.connect(f"{scheme}://{RELAY}/atrium", timeout=15)
    assert failure.value.code == "TUNNEL_EMPTY"
    assert states_within(guest, 4) == {"RECONNECTING"}
    world.serve(anna, "--open")
    settle([host, guest], lambda: "made meanwhile" in names_in(host, room.id), what="coming back with the edit")
    assert guest.state == "JOINED"


@pytest.mark.parametrize("scheme", ["tcp", "ws"])
def test_a_tunnel_that_holds_bytes_back(world: World, scheme: str) -> None:
    """It passes bytes on only when it has 4 KiB of them, or has held the first for 200 ms: slow, but nothing is lost or out of turn."""
    anna, router, _ = world.home_of("anna", HOST)
    router.forward(9090, "192.168.0.10", PORT)
    relay = world.on_the_internet("relay", f"{RELAY}/24")
    server = world.serve(anna, "--open")
    host = world.owner(server)
    room = host.create_room("Film")
    with Hoarder(relay, 80, (HOST, 9090)):
        guest = world.guest(world.on_the_internet("ben", "203.0.113.50/24"), server, f"{scheme}://{RELAY}:80")
        edit_together(host, guest, room.id)


@pytest.mark.parametrize("form", ["{}:12800", "http://{}", "ws://{}/x", "{}", "https://{}", "wss://{}/x"])
def test_a_captive_portal_is_not_atrium(world: World, form: str) -> None:
    """A hotel's router answers for every address itself, until somebody has paid: HTTP 200, whatever is asked."""
    ben, router, _ = world.home_of("ben", "203.0.113.50")
    router.nft('add rule ip nat pre iifname "eth1" tcp dport 1-65535 redirect to :8080')
    with Portal(router, 8080) as portal:
        guest = world.client(ben)
        start = time.monotonic()
        with pytest.raises(AtriumError) as failure:
            guest.connect(form.format(HOST), timeout=15)
        assert failure.value.code == "NOT_ATRIUM", failure.value
        assert time.monotonic() - start < 12
        assert portal.asked


@pytest.mark.parametrize("form", ["{}:12800", "ws://{}:12800", "invite"])
def test_a_laptop_that_wakes_up_behind_a_captive_portal_waits(world: World, form: str) -> None:
    """Carried from home into a hotel with a room open: its router answers for everybody until somebody has logged in. Then the guest is back."""
    anna = world.on_the_internet("anna", f"{HOST}/24")
    ben, hotel, _ = world.home_of("ben", "203.0.113.50", machine="192.168.0.48")
    server = world.serve(anna, "--open")
    host = world.owner(server)
    room = host.create_room("Film")
    guest = world.invited(host, ben, 15) if form == "invite" else world.guest(ben, server, form.format(HOST))
    theirs = guest.join(room.id)
    ben.ip("addr flush dev eth0")
    hotel.nft('add rule ip nat pre iifname "eth1" tcp dport 1-65535 redirect to :8080')
    settle([host, guest], lambda: guest.state == "RECONNECTING", what="noticing that the network is gone")
    theirs.create({"type": "Text", "name": "made on the way"})
    with Portal(hotel, 8080) as portal:
        ben.ip("addr add 192.168.0.49/24 dev eth0")
        ben.ip("route add default via 192.168.0.1")
        settle([host, guest], lambda: portal.asked, what="an attempt")
        assert states_within(guest, 4) == {"RECONNECTING"}
        hotel.nft("flush chain ip nat pre")  # somebody has logged in
        settle([host, guest], lambda: "made on the way" in names_in(host, room.id), what="coming back with the edit")
    assert guest.state == "JOINED"


def test_an_invite_behind_a_captive_portal_gives_nothing_away(world: World) -> None:
    anna, router, _ = world.home_of("anna", HOST)
    host = world.owner(world.serve(anna))
    link = host.create_invite(addresses=[f"{HOST}:9090", f"ws://{RELAY}"])
    ben, hotel, _ = world.home_of("ben", "203.0.113.50", machine="192.168.0.48")
    hotel.nft('add rule ip nat pre iifname "eth1" tcp dport 1-65535 redirect to :8080')
    guest = world.client(ben)
    with Portal(hotel, 8080) as portal:
        with pytest.raises(AtriumError) as failure:
            guest.connect(link, timeout=20)
        assert failure.value.code == "NOT_ATRIUM", failure.value
        payload = link.split("#")[1].encode()
        assert all(payload not in asked for asked in portal.asked)
