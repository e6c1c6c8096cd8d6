/* SPDX-License-Identifier: MIT
 *
 * `atrium-server --check`: who can reach this machine, as a report. */
#ifndef ATR_SERVER_CHECKUP_H
#define ATR_SERVER_CHECKUP_H

#include "server/server.h"

#include <stdio.h>

/* Asks the server of this home that runs on the port, or one that runs for as long as that takes. Returns the exit status: 0, 1 where no server of
 * ours listens there or can, 130 after an interrupt. The report has addresses and check codes, no keys and no tokens. */
int atr_server_checkup(const atr_server_config *config, FILE *out);

#endif
