/* SPDX-License-Identifier: MIT
 *
 * Each system has another way to tell its routes; libnatpmp knows them all. */
#include "reach/portmap_router.h"

#include <natpmp.h>
#include <stdlib.h>
#include <string.h>

bool atr_router_find(uint8_t router[4])
{
  natpmp_t natpmp;

  if (initnatpmp(&natpmp, 0, 0) != 0)
    return false;
  memcpy(router, &natpmp.gateway, 4);
  closenatpmp(&natpmp);
  return true;
}

static void free_handle(uv_handle_t *handle)
{
  free(handle);
}

bool atr_router_own_address(uv_loop_t *loop, const uint8_t router[4], uint8_t own[4])
{
  struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(NATPMP_PORT)}, here;
  int n = sizeof here;
  uv_udp_t *udp = malloc(sizeof *udp);
  bool ok;

  if (!udp)
    return false;
  memcpy(&there.sin_addr, router, 4);
  uv_udp_init(loop, udp);
  ok = uv_udp_connect(udp, (const struct sockaddr *)&there) == 0 &&
       uv_udp_getsockname(udp, (struct sockaddr *)&here, &n) == 0 && here.sin_family == AF_INET;
  if (ok)
    memcpy(own, &here.sin_addr, 4);
  uv_close((uv_handle_t *)udp, free_handle);
  return ok;
}
