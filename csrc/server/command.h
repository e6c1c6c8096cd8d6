/* SPDX-License-Identifier: MIT
 *
 * The command `atrium-server`: arguments, log, signals. Shared by csrc/main.c and `python -m atrium.server`. */
#ifndef ATR_SERVER_COMMAND_H
#define ATR_SERVER_COMMAND_H

/* `args` are the arguments without the program's name. Serves until it is told to end; returns the exit status: 0, 1 for a failure,
 * 2 for wrong arguments. Writes to stdout and stderr. */
int atr_server_command(int argc, const char *const *args);

#endif
