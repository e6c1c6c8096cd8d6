# SPDX-License-Identifier: MIT
"""What people copy whole from a terminal or a chat, as the Host box and the Paste button take it: the engine's own reading of it, and what
the add-on makes of that."""

from __future__ import annotations

import pytest
from atrium_session import address

from atrium._core import PASTED_BYTES_MAX, AtriumError, find_invite, read_address
from tests.addon.bench import Bench

# Copied from a terminal: cloudflared 2025.2.1, ngrok 3.18.4, ssh to localhost.run; the names of tunnels, users and numbers are made up.
T = "2025-03-10T12:00:00Z "
CLOUDFLARED = f"""\
{T}INF Thank you for trying Cloudflare Tunnel. Doing so, without a Cloudflare account, is a quick way to experiment and try it out. \
However, be aware that these account-less Tunnels have no uptime guarantee, are subject to the Cloudflare Online Services Terms of Use \
(https://www.cloudflare.com/website-terms/), and Cloudflare reserves the right to investigate your use of Tunnels for violations of such \
terms. If you intend to use Tunnels in production you should use a pre-created named tunnel by following: \
https://developers.cloudflare.com/cloudflare-one/connections/connect-apps
{T}INF Requesting new quick Tunnel on trycloudflare.com...
{T}INF +--------------------------------------------------------------------------------------------+
{T}INF |  Your quick Tunnel has been created! Visit it at (it may take some time to be reachable):  |
{T}INF |  https://seasonal-deck-organisms-sf.trycloudflare.com                                      |
{T}INF +--------------------------------------------------------------------------------------------+
"""
CLOUDFLARED_GOES_ON = f"""\
{T}INF Cannot determine default configuration path. No file [config.yml config.yaml] in [~/.cloudflared ~/.cloudflare-warp \
~/cloudflare-warp /etc/cloudflared /usr/local/etc/cloudflared]
{T}INF Version 2025.2.1 (Checksum 0f38e8c9f5cd0b4a9d2e3d5e2d9b2f3e8a55ffb6b27a4c55f6bd1ec3a54b0a7f)
{T}INF GOOS: linux, GOVersion: go1.22.10, GoArch: amd64
{T}INF Settings: map[ha-connections:1 protocol:quic url:http://localhost:12800]
{T}INF cloudflared will not automatically update when run from the shell. To enable auto-updates, run cloudflared as a service: \
https://developers.cloudflare.com/cloudflare-one/connections/connect-apps/configure-tunnels/local-management/as-a-service/
{T}INF Generated Connector ID: 5b0a8f0e-1111-4444-9999-aaaaaaaaaaaa
{T}INF Initial protocol quic
{T}INF ICMP proxy will use 192.168.0.48 as source for IPv4
{T}INF ICMP proxy will use fe80::a00:27ff:fe4e:66a1 in zone eth0 as source for IPv6
{T}INF Starting metrics server on 127.0.0.1:20241/metrics
2025/03/10 12:00:02 failed to sufficiently increase receive buffer size (was: 208 kiB, wanted: 7168 kiB, got: 416 kiB). See \
https://github.com/quic-go/quic-go/wiki/UDP-Buffer-Sizes for details.
{T}INF Registered tunnel connection connIndex=0 connection=7c1e event=0 ip=198.41.192.77 location=mad01 protocol=quic
{T}ERR Failed to dial a quic connection error="failed to dial to edge with quic: timeout: no recent network activity" connIndex=0 \
event=0 ip=198.41.200.13
{T}ERR Unable to establish connection with Cloudflare edge error="DialContext error: dial tcp 198.41.200.13:7844: i/o timeout"
"""
NGROK = """\
ngrok                                                                                                          (Ctrl+C to quit)

\N{BUG} Found a bug? Let us know: https://github.com/ngrok/ngrok
Sign up to try new private endpoints https://ngrok.com/new-features-update?ref=private
Full request capture now available in your browser: https://ngrok.com/r/ti

Session Status                online
Account                       anna@example.org (Plan: Free)
Update                        update available (version 3.19.1, Ctrl-U to update)
Version                       3.18.4
Region                        South America (sa)
Latency                       38ms
Web Interface                 http://127.0.0.1:4040
Forwarding                    {address} -> {to}

Connections                   ttl     opn     rt1     rt5     p50     p90
                              0       0       0.00    0.00    0.00    0.00
"""
NGROK_REFUSED = """\
ERROR:  authentication failed: Usage of ngrok requires a verified account and authtoken.
ERROR:
ERROR:  Sign up for an account: https://dashboard.ngrok.com/signup
ERROR:  Install your authtoken: https://dashboard.ngrok.com/get-started/your-authtoken
ERROR:
ERROR:  ERR_NGROK_4018
ERROR:  https://ngrok.com/docs/errors/err_ngrok_4018
"""
LOCALHOST_RUN = """\
===============================================================================
Welcome to localhost.run!

Follow your favourite reverse tunnel at [https://twitter.com/localhost_run].

To set up and manage custom domains go to https://admin.localhost.run/

More details on custom domains (and how to enable subdomains of your custom
domain) at https://localhost.run/docs/custom-domains

To explore using localhost.run visit the documentation site:
https://localhost.run/docs/

===============================================================================

** your connection id is 0bb43a1c-1111-4444-9999-aaaaaaaaaaaa, please mention it if you send me a message about an issue. **

f9cf20e7d4a3a0.lhr.life tunneled with tls termination, https://f9cf20e7d4a3a0.lhr.life
"""
QUICK = "wss://seasonal-deck-organisms-sf.trycloudflare.com:443/atrium"
TCP = NGROK.format(address="tcp://0.tcp.sa.ngrok.io:12489", to="localhost:12800")
WEB = NGROK.format(address="https://ab12-203-0-113-17.ngrok-free.app", to="http://localhost:12800")

SCREENS = {
    "cloudflared": (CLOUDFLARED, QUICK),
    "with-the-command": ("$ cloudflared tunnel --url http://localhost:12800\n" + CLOUDFLARED, QUICK),
    "with-what-follows": (CLOUDFLARED + CLOUDFLARED_GOES_ON, QUICK),
    "for-hours": (CLOUDFLARED + CLOUDFLARED_GOES_ON * 100, QUICK),
    "ngrok-tcp": (TCP, "0.tcp.sa.ngrok.io:12489"),
    "ngrok-https": (WEB, "wss://ab12-203-0-113-17.ngrok-free.app:443/atrium"),
    "localhost.run": (LOCALHOST_RUN, "wss://f9cf20e7d4a3a0.lhr.life:443/atrium"),
}


def read(text: str) -> str:
    return read_address(text, 12800)[0]


@pytest.mark.parametrize(("screen", "wanted"), SCREENS.values(), ids=SCREENS.keys())
def test_a_whole_screen_leads_to_the_tunnel(screen: str, wanted: str) -> None:
    """That of cloudflared was cut at the 1,000th character, which stands in the tunnel's address: it led to the terms of use."""
    line = address.pasted(screen)
    assert "\n" not in line and not address.is_invite(line)
    assert read(line) == wanted
    if len(screen) < PASTED_BYTES_MAX:
        assert read(screen) == wanted, "as a script may set the box"
    bench = Bench(online=True)
    bench.session.connect(line)
    bench.tick()
    assert read(bench.engine.sent[0]["host"]) == wanted and bench.starts == []


@pytest.mark.parametrize(
    "text",
    [
        CLOUDFLARED.splitlines()[0],
        CLOUDFLARED.partition("https://seasonal")[0],
        NGROK_REFUSED,
        TCP.partition("tcp:")[0][:380],
    ],
    ids=["terms", "before-the-tunnel", "no-account", "advertisement"],
)
def test_the_pages_of_a_tunnels_makers_are_no_host(text: str) -> None:
    with pytest.raises(AtriumError, match="This is a page of those who make a tunnel's program"):
        read(address.pasted(text))


def test_what_is_too_long_is_cut_between_two_words() -> None:
    """Half of an address is another one."""
    tunnel = "tcp://0.tcp.sa.ngrok.io:12489"
    for n in range(PASTED_BYTES_MAX - 60, PASTED_BYTES_MAX + 5):
        line = address.pasted("203.0.113.17:9090 " + "a " * ((n - 18) // 2) + "b" * (n % 2) + f" {tunnel} and more")
        assert len(line.encode()) <= PASTED_BYTES_MAX
        assert line.endswith((f" {tunnel}", " and", " more", " a", " b")), n
        assert read(line) == ("0.tcp.sa.ngrok.io:12489" if tunnel in line else "203.0.113.17:9090")


@pytest.mark.parametrize(
    "text",
    [
        "203.0.113.17 9090",
        "IP: 203.0.113.17\nPort: 9090\n",
        "my ip is 203.0.113.17, port 9090",
        "203.0.113.17:9090✅",
        "||203.0.113.17:9090||",
    ],
)
def test_an_address_as_people_write_it_in_a_chat(text: str) -> None:
    assert read(address.pasted(text)) == "203.0.113.17:9090"


def test_bytes_are_counted_not_characters() -> None:
    line = address.pasted("→ " * 4000 + "203.0.113.17:9090")
    assert line == ("→ " * (PASTED_BYTES_MAX // 4)).strip()
    assert len(address.pasted("→" * 4000).encode()) <= PASTED_BYTES_MAX


def test_an_invite_is_not_read_as_an_address() -> None:
    text = "localhost:12800 or atrium://join#" + "A" * 80
    assert find_invite(text) >= 0
    with pytest.raises(AtriumError) as refused:
        read(text)
    assert refused.value.code == "INVITE" and "AAAA" not in refused.value.text
