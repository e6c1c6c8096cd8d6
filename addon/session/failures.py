# SPDX-License-Identifier: GPL-3.0-or-later
"""What a connection fails by, as one sentence for each cause: how it is, and what to do.

The engine says the same to programs and in the report of the network check (csrc/client/sentences.c; tests/addon/test_translations.py compares):
whoever reads the one and asks about the other is told one thing. Here they stand so that they can be translated.
"""

from __future__ import annotations

# An invite has many addresses, and says whose key must answer: some failures mean something else there. The state puts INVITED_ before their
# codes.
INVITED_NOWHERE = (
    "The host of this invite answers at none of its addresses: is it connected, and are you in the same network or VPN?"
)
INVITED_OTHER = "Somebody else answers at {address}, an address of this invite: is the host connected? If it is, ask for a new invite."

# Who was in the room before, and is on the way back, is told neither of ports nor of new invites. The state puts AGAIN_ before those codes.
AGAIN_OTHER = (
    "What answers at {address} now is not the host: is it away, or does this network want a login in the browser first?"
)

# Who has clicked a host that was found, whose key was never trusted at that address: the row was a hint, and a wrong one. The engine says `found`, and the
# state puts FOUND_ before the code.
FOUND_OTHER = "Another host answers at {address}, not the one that was found there: look again under “On This Network”, or ask the host for an invite."

# A number needs nobody who knows it: only what stands behind its % can be wrong. The state puts SCOPED_ before the code.
SCOPED = "This machine has no network interface of the name behind the % in {address}: check the spelling."

# code -> sentence
FAILURES: dict[str, str] = {
    "RESOLVE": "No machine is known by the name in “{address}”: check the spelling, or type its IP address.",
    "NAME_SERVER": "The name server does not answer, so nobody knows where “{address}” is: check this machine's network, "
    "or type the IP address.",
    "NAME_INSIDE": "A name in this invite, {address}, leads to this machine or into a private network, so it was not tried: "
    "ask for a new invite, or type that address if you know it to be right.",
    "UNREACHABLE": "There is no way from this machine to {address}: are both on the same network or VPN, and does the host's firewall let "
    "Blender in?",
    "CONNREFUSED": "Nobody listens at {address}: is the host connected, and is the port right?",
    "SILENT": "Nothing answers at {address}: is the address right, and does the host's firewall let Blender in?",
    "NOT_ATRIUM": "What answers at {address} is not Atrium: check the port, or log in to this network in a browser first.",
    "TLS": "The encrypted connection to {address} failed: try again, and check that nothing stands in between.",
    "KEY_CHANGED": "{address} now shows another key than the one you trusted. If its owner made a new one, "
    "forget the old key and compare check codes; if not, somebody may be pretending to be that host.",
    "HTTPS_ONLY": "What answers at {address} wants https: type the address with https:// in front.",
    "TUNNEL_EMPTY": "The tunnel at {address} answers, but nobody is behind it: is the host connected?",
    "SERVER_FULL": "The server at {address} is full: try again when somebody has left.",
    "TIMEOUT": "{address} took too long to answer: try again.",
    "CLOSED": "The connection to {address} was closed: is the host connected?",
    "INVITED_RESOLVE": INVITED_NOWHERE,
    "INVITED_NAME_SERVER": INVITED_NOWHERE,
    "INVITED_UNREACHABLE": INVITED_NOWHERE,
    "INVITED_CONNREFUSED": INVITED_NOWHERE,
    "INVITED_SILENT": INVITED_NOWHERE,
    "INVITED_NOT_ATRIUM": INVITED_OTHER,
    "INVITED_HTTPS_ONLY": INVITED_OTHER,
    "INVITED_TLS": INVITED_OTHER,
    "INVITED_KEY_CHANGED": INVITED_OTHER,
    "INVITED_CLOSED": "The connection to {address}, an address of this invite, was closed before the host had answered: "
    "is the host connected?",
    "FOUND_KEY_CHANGED": FOUND_OTHER,
    "SCOPED_RESOLVE": SCOPED,
    "AGAIN_NOT_ATRIUM": AGAIN_OTHER,
    "AGAIN_HTTPS_ONLY": AGAIN_OTHER,
    "AGAIN_TLS": AGAIN_OTHER,
    "AGAIN_KEY_CHANGED": AGAIN_OTHER,
}
