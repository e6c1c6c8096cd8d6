/* SPDX-License-Identifier: MIT
 *
 * atrium-server as a program of its own, for machines without Python. */
#include "server/command.h"

int main(int argc, char **argv)
{
  return atr_server_command(argc - 1, (const char *const *)argv + 1);
}
