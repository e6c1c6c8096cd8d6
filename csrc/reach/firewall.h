/* SPDX-License-Identifier: MIT
 *
 * Whether this machine has a firewall that may keep guests out, and the command that lets them in.
 *
 * Known from files alone; no program is started and nothing is asked of anybody. So it is a hint: the rules themselves are for
 * the administrator's eyes, and where they can be read and let our port in, nothing is said. On Windows and macOS the system asks the user when
 * a program listens for the first time; which answer it got cannot be seen from here. */
#ifndef ATR_REACH_FIREWALL_H
#define ATR_REACH_FIREWALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum atr_firewall {
  ATR_FIREWALL_NONE, /* none that we know */
  ATR_FIREWALL_UFW,
  ATR_FIREWALL_FIREWALLD,
  ATR_FIREWALL_WINDOWS,
  ATR_FIREWALL_MACOS,
} atr_firewall;

#define ATR_FIREWALL_COMMAND_BYTES 128

/* `root`: "" for this machine; a folder that stands for / in tests. `port` 0: whatever it lets in already. Reads a few small files. */
atr_firewall atr_firewall_look(const char *root, uint16_t port);

/* "ufw", "firewalld"; empty where no tool has a name. */
const char *atr_firewall_name(atr_firewall firewall);

/* The command that lets connections (`udp`: packets of those who look for hosts) to this port in; empty where there is none to type. */
void atr_firewall_command(atr_firewall firewall, uint16_t port, bool udp, char out[ATR_FIREWALL_COMMAND_BYTES]);

/* The command that lets in what hosts answer, from this port, to who asked the whole network; empty where there is none to type. */
void atr_firewall_answers_command(atr_firewall firewall, uint16_t port, char out[ATR_FIREWALL_COMMAND_BYTES]);

#endif
