/* SPDX-License-Identifier: MIT
 *
 * A firewall is seen by its files, in a folder that stands for the machine; and where it lets us in already nothing is said. */
#include "test.h"

#include "reach/firewall.h"

#include <sys/stat.h>
#include <unistd.h>

static char root[64];

static void put(const char *path, const char *text)
{
  char whole[512];
  FILE *file;

  snprintf(whole, sizeof whole, "%s%s", root, path);
  for (char *p = whole + strlen(root) + 1; *p; p++)
    if (*p == '/') {
      *p = '\0';
      mkdir(whole, 0700);
      *p = '/';
    }
  file = fopen(whole, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static int begin(void **state)
{
  (void)state;
  snprintf(root, sizeof root, "/tmp/atrium-firewall-XXXXXX");
  return mkdtemp(root) ? 0 : -1;
}

static int end(void **state)
{
  char command[96];

  (void)state;
  snprintf(command, sizeof command, "rm -rf '%s'", root);
  return system(command);
}

static void expect(atr_firewall firewall)
{
  assert_int_equal(atr_firewall_look(root, 12800), firewall);
}

static void ufw_says_whether_it_is_on(void **state)
{
  (void)state;
  expect(ATR_FIREWALL_NONE);
  put("/etc/ufw/ufw.conf", "# comment\nENABLED=no\nLOGLEVEL=low\n");
  expect(ATR_FIREWALL_NONE);
  put("/etc/ufw/ufw.conf", "#ENABLED=yes\nENABLED=no\n");
  expect(ATR_FIREWALL_NONE);
  put("/etc/ufw/ufw.conf", "# comment\nENABLED=yes\nLOGLEVEL=low\n");
  expect(ATR_FIREWALL_UFW);
}

static void a_rule_of_ours_ends_the_worry(void **state)
{
  (void)state;
  put("/etc/ufw/ufw.conf", "ENABLED=yes\n");
  put("/etc/ufw/user.rules", "*filter\n### tuple ### allow tcp 1280 0.0.0.0/0 any 0.0.0.0/0 in\n"
                             "### tuple ### allow udp 12800 0.0.0.0/0 any 0.0.0.0/0 in\n"
                             "### tuple ### deny tcp 12800 0.0.0.0/0 any 0.0.0.0/0 in\n");
  expect(ATR_FIREWALL_UFW);
  put("/etc/ufw/user.rules", "*filter\n### tuple ### allow tcp 12800 0.0.0.0/0 any 0.0.0.0/0 in\n-A ...\n");
  expect(ATR_FIREWALL_NONE);
}

/* ATR_FIREWALL_FILE_BYTES: what stands behind it is not read. */
static void an_endless_list_of_rules(void **state)
{
  char *rules = malloc(ATR_FIREWALL_FILE_BYTES + 100);

  (void)state;
  assert_non_null(rules);
  memset(rules, '#', ATR_FIREWALL_FILE_BYTES);
  snprintf(rules + ATR_FIREWALL_FILE_BYTES, 100, "\n### tuple ### allow tcp 12800 0.0.0.0/0 any 0.0.0.0/0 in\n");
  put("/etc/ufw/ufw.conf", "ENABLED=yes\n");
  put("/etc/ufw/user.rules", rules);
  expect(ATR_FIREWALL_UFW);
  free(rules);
}

static void firewalld_runs_or_not(void **state)
{
  (void)state;
  put("/sys/fs/cgroup/system.slice/firewalld.service/cgroup.procs", "");
  expect(ATR_FIREWALL_NONE);
  put("/sys/fs/cgroup/system.slice/firewalld.service/cgroup.procs", "812\n");
  expect(ATR_FIREWALL_FIREWALLD);
}

static void what_to_type(void **state)
{
  char command[ATR_FIREWALL_COMMAND_BYTES];

  (void)state;
  atr_firewall_command(ATR_FIREWALL_UFW, 12800, false, command);
  assert_string_equal(command, "sudo ufw allow 12800/tcp");
  atr_firewall_command(ATR_FIREWALL_FIREWALLD, 12800, true, command);
  assert_string_equal(command, "sudo firewall-cmd --permanent --add-port=12800/udp && sudo firewall-cmd --reload");
  atr_firewall_command(ATR_FIREWALL_WINDOWS, 12800, false, command);
  assert_string_equal(command, "");
}

static void what_to_type_where_one_looks(void **state)
{
  char command[ATR_FIREWALL_COMMAND_BYTES];

  (void)state;
  atr_firewall_answers_command(ATR_FIREWALL_UFW, 12800, command);
  assert_string_equal(command, "sudo ufw allow proto udp from any port 12800 to any port 32768:60999");
  atr_firewall_answers_command(ATR_FIREWALL_FIREWALLD, 12800, command);
  assert_string_equal(command,
                      "sudo firewall-cmd --permanent --add-source-port=12800/udp && sudo firewall-cmd --reload");
  atr_firewall_answers_command(ATR_FIREWALL_NONE, 12800, command);
  assert_string_equal(command, "");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(ufw_says_whether_it_is_on, begin, end),
      cmocka_unit_test_setup_teardown(a_rule_of_ours_ends_the_worry, begin, end),
      cmocka_unit_test_setup_teardown(an_endless_list_of_rules, begin, end),
      cmocka_unit_test_setup_teardown(firewalld_runs_or_not, begin, end),
      cmocka_unit_test(what_to_type),
      cmocka_unit_test(what_to_type_where_one_looks),
  };

  return cmocka_run_group_tests_name("firewall", tests, NULL, NULL);
}
