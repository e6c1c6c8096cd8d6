/* SPDX-License-Identifier: MIT
 *
 * The only file that is compiled with the version in its command line, so that a new one rebuilds little. */
#include "base/version.h"

const char *atr_version(void)
{
  return ATR_VERSION;
}
