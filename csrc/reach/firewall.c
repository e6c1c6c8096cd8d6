/* SPDX-License-Identifier: MIT
 *
 * ufw says in a file that everybody may read whether it is on; its rules are in one that only root may read, which a dedicated server may
 * be. firewalld writes nothing that everybody may read, but a service of systemd that runs has a folder among the control groups, and one that
 * runs has processes in it. */
#include "reach/firewall.h"

#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As much of the file as is looked at, as text; false where it cannot be read. */
static bool read_file(const char *root, const char *path, char *out, size_t out_bytes)
{
  char whole[1024];
  FILE *file;
  size_t n;

  if (snprintf(whole, sizeof whole, "%s%s", root, path) >= (int)sizeof whole)
    return false;
  file = fopen(whole, "r");
  if (!file)
    return false;
  n = fread(out, 1, out_bytes - 1, file);
  out[n] = '\0';
  fclose(file);
  return true;
}

/* A line of the file that begins so. */
static bool has_line(const char *text, const char *line)
{
  size_t n = strlen(line);

  for (const char *at = text; at; at = strchr(at, '\n')) {
    at += *at == '\n';
    if (strncmp(at, line, n) == 0)
      return true;
  }
  return false;
}

/* ufw keeps each rule beside a line that says it in its own words: "### tuple ### allow tcp 12800 0.0.0.0/0 any 0.0.0.0/0 in". */
static bool ufw_lets_in(const char *root, uint16_t port)
{
  static const char *const protocols[] = {"tcp", "any"};
  char *rules = malloc(ATR_FIREWALL_FILE_BYTES);
  bool found = false;

  if (rules && read_file(root, "/etc/ufw/user.rules", rules, ATR_FIREWALL_FILE_BYTES))
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols && !found; i++) {
      char line[96];

      snprintf(line, sizeof line, "### tuple ### allow %s %u 0.0.0.0/0 any 0.0.0.0/0 in", protocols[i], port);
      found = has_line(rules, line);
    }
  free(rules);
  return found;
}

static bool ufw_is_on(const char *root)
{
  char text[4096];

  return read_file(root, "/etc/ufw/ufw.conf", text, sizeof text) &&
         (has_line(text, "ENABLED=yes") || has_line(text, "ENABLED=\"yes\""));
}

static bool firewalld_is_on(const char *root)
{
  static const char *const services[] = {
      "/sys/fs/cgroup/system.slice/firewalld.service/cgroup.procs",
      "/sys/fs/cgroup/systemd/system.slice/firewalld.service/cgroup.procs",
  };
  char text[64];

  for (size_t i = 0; i < sizeof services / sizeof *services; i++)
    if (read_file(root, services[i], text, sizeof text) && text[0] >= '0' && text[0] <= '9')
      return true;
  return false;
}

atr_firewall atr_firewall_look(const char *root, uint16_t port)
{
#if defined(_WIN32)
  (void)root, (void)port;
  return ATR_FIREWALL_WINDOWS;
#elif defined(__APPLE__)
  (void)root, (void)port;
  return ATR_FIREWALL_MACOS;
#else
  if (ufw_is_on(root))
    return ufw_lets_in(root, port) ? ATR_FIREWALL_NONE : ATR_FIREWALL_UFW;
  return firewalld_is_on(root) ? ATR_FIREWALL_FIREWALLD : ATR_FIREWALL_NONE;
#endif
}

const char *atr_firewall_name(atr_firewall firewall)
{
  return firewall == ATR_FIREWALL_UFW ? "ufw" : firewall == ATR_FIREWALL_FIREWALLD ? "firewalld" : "";
}

void atr_firewall_command(atr_firewall firewall, uint16_t port, bool udp, char out[ATR_FIREWALL_COMMAND_BYTES])
{
  const char *protocol = udp ? "udp" : "tcp";

  out[0] = '\0';
  if (firewall == ATR_FIREWALL_UFW)
    snprintf(out, ATR_FIREWALL_COMMAND_BYTES, "sudo ufw allow %u/%s", port, protocol);
  else if (firewall == ATR_FIREWALL_FIREWALLD)
    snprintf(out, ATR_FIREWALL_COMMAND_BYTES,
             "sudo firewall-cmd --permanent --add-port=%u/%s && sudo firewall-cmd --reload", port, protocol);
}

/* An answer comes from the port that was asked to one that the system chose, and so from whom nothing was sent to: to a firewall it belongs
 * to no conversation. Where the tool can say so, no port but those that the system chooses by itself is opened; servers have others. */
void atr_firewall_answers_command(atr_firewall firewall, uint16_t port, char out[ATR_FIREWALL_COMMAND_BYTES])
{
  out[0] = '\0';
  if (firewall == ATR_FIREWALL_UFW)
    snprintf(out, ATR_FIREWALL_COMMAND_BYTES, "sudo ufw allow proto udp from any port %u to any port 32768:60999",
             port);
  else if (firewall == ATR_FIREWALL_FIREWALLD)
    snprintf(out, ATR_FIREWALL_COMMAND_BYTES,
             "sudo firewall-cmd --permanent --add-source-port=%u/udp && sudo firewall-cmd --reload", port);
}
