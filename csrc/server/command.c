/* SPDX-License-Identifier: MIT
 *
 * The command line of the server. A table of options, a log, and then the server runs until it is told to end.
 *
 * What a script or a person needs to know goes to stdout, one line each, flushed at once: the address, and the host's check code. The log
 * goes to stderr, or to a file. */
#include "server/command.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/version.h"
#include "server/checkup.h"
#include "server/server.h"
#include "session/password.h"
#include "transport/platform.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

typedef struct arguments {
  atr_server_config config;
  atr_hash *allow;
  char home[2048];
  const char *log;
  const char *password_file;
  char password[ATR_PASSWORD_BYTES_MAX + 2];
  bool help, version, check;
} arguments;

static const char usage[] =
    "usage: atrium-server [options]\n"
    "\n"
    "Hosts Atrium rooms, in which several people work live in one Blender scene.\n"
    "\n"
    "  --port PORT            port to listen on (12800; 0 takes a free one)\n"
    "  --bind ADDRESS         address to listen on (::, every interface, IPv6 and IPv4)\n"
    "  --data FOLDER          folder of the server's key and list of users (ATRIUM_HOME/server)\n"
    "  --open                 let everybody in who connects\n"
    "  --password-file FILE   let everybody in who knows the password in this file's first line; -: the standard "
    "input's\n"
    "  --allow KEY            let this user in: 64 hexadecimal digits; may be repeated\n"
    "  --no-discovery         do not answer those on the local network who look for hosts\n"
    "  --map-port             ask the router to pass the port on, so that guests can come from the internet\n"
    "  --no-map-port          do not, as if --map-port had not been given\n"
    "  --ring-mb N            newest changes of a room that are kept as they came, for users whose line is slow (32)\n"
    "  --idle-exit-min N      end N minutes after the last user left (0: never)\n"
    "  --log FILE             write the log there instead of to stderr\n"
    "  --check                say who could reach a server with these options, and what to do if not, and end\n"
    "  --version              print the version\n"
    "  --help                 print this\n"
    "\n"
    "Users that are neither known nor allowed knock, and somebody with the same ATRIUM_HOME lets them in.\n";

/* --- arguments ----------------------------------------------------------------------------------------------- */

static int set_port(arguments *a, const char *value)
{
  char *end;
  long port = strtol(value, &end, 10);

  if (*end || end == value || port < 0 || port > 65535)
    return ATR_INVAL;
  a->config.port = (uint16_t)port;
  return ATR_OK;
}

static int set_bind(arguments *a, const char *value)
{
  a->config.bind = value;
  return ATR_OK;
}

static int set_data(arguments *a, const char *value)
{
  a->config.data = value;
  return *value ? ATR_OK : ATR_INVAL;
}

static int set_log(arguments *a, const char *value)
{
  a->log = value;
  return *value ? ATR_OK : ATR_INVAL;
}

static int set_idle(arguments *a, const char *value)
{
  char *end;
  double minutes = strtod(value, &end);

  if (*end || end == value || !(minutes >= 0 && minutes <= 60 * 24 * 30))
    return ATR_INVAL;
  a->config.idle_exit_ms = (uint32_t)(minutes * 60000);
  return ATR_OK;
}

static int set_ring(arguments *a, const char *value)
{
  char *end;
  long mb = strtol(value, &end, 10);

  if (*end || end == value || mb < 1 || mb > 1024)
    return ATR_INVAL;
  a->config.ring_bytes_max = ATR_MIB(mb);
  return ATR_OK;
}

static int add_allow(arguments *a, const char *value)
{
  if (a->config.n_allow == ATR_ALLOW_MAX) {
    fprintf(stderr, "atrium-server: --allow can be given %u times; let the others knock\n", ATR_ALLOW_MAX);
    return ATR_LIMIT;
  }
  return atr_hash_from_hex(value, strlen(value), &a->allow[a->config.n_allow++]);
}

static int set_password_file(arguments *a, const char *value)
{
  a->password_file = value;
  return *value ? ATR_OK : ATR_INVAL;
}

static int set_open(arguments *a, const char *value)
{
  (void)value;
  a->config.open = true;
  return ATR_OK;
}

static int set_no_discovery(arguments *a, const char *value)
{
  (void)value;
  a->config.no_discovery = true;
  return ATR_OK;
}

static int set_map_port(arguments *a, const char *value)
{
  (void)value;
  a->config.map_port = true;
  return ATR_OK;
}

static int set_no_map_port(arguments *a, const char *value)
{
  (void)value;
  a->config.map_port = false;
  return ATR_OK;
}

static int set_check(arguments *a, const char *value)
{
  (void)value;
  a->check = true;
  return ATR_OK;
}

static int set_version(arguments *a, const char *value)
{
  (void)value;
  a->version = true;
  return ATR_OK;
}

static int set_help(arguments *a, const char *value)
{
  (void)value;
  a->help = true;
  return ATR_OK;
}

static const struct option {
  const char *name;
  const char *takes; /* NULL: no value */
  int (*set)(arguments *a, const char *value);
} options[] = {
    {"--port", "a number from 0 to 65535", set_port},
    {"--bind", "an IP address of this machine", set_bind},
    {"--data", "a folder", set_data},
    {"--log", "a file", set_log},
    {"--idle-exit-min", "minutes, up to 43200", set_idle},
    {"--allow", "a user's key of 64 hexadecimal digits", add_allow},
    {"--ring-mb", "a number from 1 to 1024", set_ring},
    {"--password-file", "a file, or -", set_password_file},
    {"--open", NULL, set_open},
    {"--no-discovery", NULL, set_no_discovery},
    {"--map-port", NULL, set_map_port},
    {"--no-map-port", NULL, set_no_map_port},
    {"--check", NULL, set_check},
    {"--version", NULL, set_version},
    {"--help", NULL, set_help},
};

/* "--name value" and "--name=value". */
static int parse_one(arguments *a, int argc, const char *const *args, int *at)
{
  const char *arg = args[(*at)++];
  size_t name_bytes = strcspn(arg, "=");

  for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
    const struct option *o = &options[i];
    const char *value = arg[name_bytes] ? arg + name_bytes + 1 : NULL;
    int err;

    if (strlen(o->name) != name_bytes || strncmp(o->name, arg, name_bytes) != 0)
      continue;
    if (o->takes && !value && *at < argc)
      value = args[(*at)++];
    if (!o->takes != !value) {
      fprintf(stderr, "atrium-server: %s takes %s\n", o->name, o->takes ? o->takes : "no value");
      return ATR_INVAL;
    }
    err = o->set(a, value);
    if (err < 0 && err != ATR_LIMIT) /* which is said by then */
      fprintf(stderr, "atrium-server: %s takes %s, not \"%s\"\n", o->name, o->takes, value);
    return err;
  }
  fprintf(stderr, "atrium-server: there is no option \"%s\"; --help lists them\n", arg);
  return ATR_INVAL;
}

/* ATRIUM_HOME, or the platform's place: the same as atrium/home.py. */
static int find_home(char *out, size_t out_bytes)
{
  char base[1536];
  size_t n = sizeof base;
  int written;

  if (uv_os_getenv("ATRIUM_HOME", base, &n) == 0 && base[0]) {
    written = snprintf(out, out_bytes, "%s", base);
    return written >= 0 && (size_t)written < out_bytes ? ATR_OK : ATR_LIMIT;
  }
  n = sizeof base;
#if defined(_WIN32)
  if (uv_os_getenv("APPDATA", base, &n) != 0)
    return ATR_IO;
  written = snprintf(out, out_bytes, "%s/Atrium", base);
#elif defined(__APPLE__)
  if (uv_os_homedir(base, &n) != 0)
    return ATR_IO;
  written = snprintf(out, out_bytes, "%s/Library/Application Support/Atrium", base);
#else
  if (uv_os_getenv("XDG_DATA_HOME", base, &n) == 0 && base[0]) {
    written = snprintf(out, out_bytes, "%s/atrium", base);
  } else {
    n = sizeof base;
    if (uv_os_homedir(base, &n) != 0)
      return ATR_IO;
    written = snprintf(out, out_bytes, "%s/.local/share/atrium", base);
  }
#endif
  return written >= 0 && (size_t)written < out_bytes ? ATR_OK : ATR_LIMIT;
}

/* --- log ----------------------------------------------------------------------------------------------------- */

static void write_log(void *ctx, enum atr_log_level level, const char *line)
{
  FILE *file = ctx;
  uv_timeval64_t now;

  uv_gettimeofday(&now);
  fprintf(file, "%lld.%03d %s %s\n", (long long)now.tv_sec, (int)(now.tv_usec / 1000), atr_log_level_name(level), line);
  fflush(file);
}

/* --- run ----------------------------------------------------------------------------------------------------- */

/* The folder and those above it. What really is wrong shows when a file in it is opened. */
static void make_home(const char *home)
{
  char path[2048];
  uv_fs_t req;

  snprintf(path, sizeof path, "%s", home);
  for (char *p = path + 1; *p; p++)
    if (*p == '/') {
      *p = '\0';
      uv_fs_mkdir(NULL, &req, path, 0700, NULL);
      uv_fs_req_cleanup(&req);
      *p = '/';
    }
  uv_fs_mkdir(NULL, &req, path, 0700, NULL);
  uv_fs_req_cleanup(&req);
}

/* Said, and no more: who may read it can have been decided on purpose. Pipes are nobody else's. */
static void warn_of_readers(const char *path)
{
#if !defined(_WIN32) /* whose modes say nothing of other users */
  uv_fs_t req;

  if (uv_fs_stat(NULL, &req, path, NULL) == 0 && (req.statbuf.st_mode & S_IFMT) == S_IFREG &&
      (req.statbuf.st_mode & 077) != 0)
    fprintf(stderr,
            "atrium-server: other users of this machine may read the password file %s: chmod 600 keeps them out\n",
            path);
  uv_fs_req_cleanup(&req);
#else
  (void)path;
#endif
}

/* Never an argument or an environment variable: other users of the machine see those. Without a buffer of stdio's, which nobody would wipe. */
static int read_password(arguments *a)
{
  FILE *file = strcmp(a->password_file, "-") == 0 ? stdin : fopen(a->password_file, "r");
  bool ok;

  if (!file) {
    fprintf(stderr, "atrium-server: the password file %s cannot be read: %s\n", a->password_file, strerror(errno));
    return ATR_IO;
  }
  if (file != stdin)
    warn_of_readers(a->password_file);
  (void)setvbuf(file, NULL, _IONBF, 0);
  ok = fgets(a->password, sizeof a->password, file) != NULL;
  if (file != stdin)
    fclose(file);
  a->password[strcspn(a->password, "\r\n")] = 0;
  if (!ok || !a->password[0] || strlen(a->password) > ATR_PASSWORD_BYTES_MAX) {
    fprintf(stderr, "atrium-server: the first line of %s must be a password of at most %u bytes\n",
            file == stdin ? "the standard input" : a->password_file, ATR_PASSWORD_BYTES_MAX);
    return ATR_INVAL;
  }
  a->config.password = a->password;
  return ATR_OK;
}

static int open_home(arguments *a)
{
  if (find_home(a->home, sizeof a->home) < 0) {
    fprintf(stderr, "atrium-server: there is no home folder: set ATRIUM_HOME\n");
    return ATR_IO;
  }
  make_home(a->home);
  a->config.home = a->home;
  return ATR_OK;
}

/* Who could reach the server that the same options start. The log would stand between the lines of the report. */
static int check(arguments *a)
{
  bool is_read = a->password_file && strcmp(a->password_file, "-") != 0; /* whoever looks is asked for nothing */

  if (open_home(a) < 0 || (is_read && read_password(a) < 0))
    return 1;
  atr_wipe(a->password, sizeof a->password);
  a->config.password = NULL; /* the server of that moment lets nobody in */
  a->config.no_discovery = true;
  return atr_server_checkup(&a->config, stdout);
}

static int serve(arguments *a)
{
  char why[1024] = "", hex[ATR_HASH_HEX + 1];
  atr_server *server;
  int err;

  atr_platform_block_sigpipe(); /* whoever read the lines below may be gone: no reason to end */
  if (open_home(a) < 0)
    return 1;
  a->config.signals = true;
  if (a->password_file && read_password(a) < 0)
    return 1;
  err = atr_server_new(&server, &a->config, why, sizeof why);
  atr_wipe(a->password, sizeof a->password);
  if (err < 0) {
    fprintf(stderr, "atrium-server: %s\n", why);
    return 1;
  }
  atr_hash_to_hex(atr_server_key(server), hex);
  printf("atrium-server %s listens on port %u\nkey %s\ncheck code %s\n", atr_version(), atr_server_port(server), hex,
         atr_server_check_code(server));
  fflush(stdout);
  err = atr_server_run(server);
  atr_server_free(server);
  return err < 0 ? 1 : 0;
}

static int serve_with_log(arguments *a)
{
  FILE *file = a->log ? fopen(a->log, "a") : NULL;
  atr_log_sink sink = {ATR_LOG_INFO, write_log, file ? file : stderr};
  int status;

  if (a->log && !file) {
    fprintf(stderr, "atrium-server: the log file %s cannot be written: %s; choose another with --log\n", a->log,
            strerror(errno));
    return 1;
  }
  atr_log_set_sink(&sink);
  status = serve(a);
  atr_log_set_sink(NULL);
  if (file)
    fclose(file);
  return status;
}

int atr_server_command(int argc, const char *const *args)
{
  arguments a = {.config = {.port = 12800, .bind = "::"}};
  int status = 2;

  a.allow = calloc(ATR_ALLOW_MAX, sizeof *a.allow);
  if (!a.allow)
    return 1;
  a.config.allow = a.allow;
  for (int at = 0; at < argc;)
    if (parse_one(&a, argc, args, &at) < 0)
      goto Exit;
  status = 0;
  if (a.help)
    fputs(usage, stdout);
  else if (a.version)
    printf("atrium-server %s (protocol %d)\n", atr_version(), ATR_PROTO_VERSION);
  else if (a.check)
    status = check(&a);
  else
    status = serve_with_log(&a);
  fflush(stdout);
Exit:
  free(a.allow);
  return status;
}
