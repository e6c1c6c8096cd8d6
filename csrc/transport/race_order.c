/* SPDX-License-Identifier: MIT
 *
 * Where the first address has no usable route (IPv6 without a way out is common), the second one is of the other
 * family and is tried a quarter of a second later, not after all of the first family. Where the first name leads to many
 * numbers, the next address is not tried after all of them either: rounds, one number of each family for every address in each.
 */
#include "transport/race_order.h"

#include "base/limits.h"

#include <string.h>

static int equal(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
  if (a->ss_family != b->ss_family)
    return 0;
  if (a->ss_family == AF_INET) {
    const struct sockaddr_in *x = (const struct sockaddr_in *)(const void *)a,
                             *y = (const struct sockaddr_in *)(const void *)b;

    return x->sin_port == y->sin_port && memcmp(&x->sin_addr, &y->sin_addr, sizeof x->sin_addr) == 0;
  }
  const struct sockaddr_in6 *x = (const struct sockaddr_in6 *)(const void *)a,
                            *y = (const struct sockaddr_in6 *)(const void *)b;

  return x->sin6_port == y->sin6_port && x->sin6_scope_id == y->sin6_scope_id &&
         memcmp(&x->sin6_addr, &y->sin6_addr, sizeof x->sin6_addr) == 0;
}

void atr_race_order_add(atr_candidate *list, size_t *count, const atr_candidate *candidate)
{
  unsigned round = 0, further = 0;

  for (size_t i = 0; i < *count; i++) {
    if (list[i].web == candidate->web && equal(&list[i].to, &candidate->to))
      return;
    round += list[i].from == candidate->from && list[i].to.ss_family == candidate->to.ss_family;
    further += list[i].round > 0;
  }
  if (round > 0 && further >= ATR_RACE_FURTHER_MAX)
    return;
  list[*count] = *candidate;
  list[(*count)++].round = round;
}

static void interleave(atr_candidate *list, size_t count)
{
  for (size_t i = 1; i < count; i++) {
    atr_candidate chosen;
    size_t j = i;

    while (j < count && list[j].to.ss_family == list[i - 1].to.ss_family)
      j++;
    if (j == count) /* only one family is left, in order */
      return;
    chosen = list[j];
    memmove(&list[i + 1], &list[i], (j - i) * sizeof *list);
    list[i] = chosen;
  }
}

/* By insertion: the list is short, and those of one round must stay in order. */
static void sort_by_round(atr_candidate *list, size_t count)
{
  for (size_t i = 1; i < count; i++) {
    atr_candidate one = list[i];
    size_t j = i;

    for (; j > 0 && list[j - 1].round > one.round; j--)
      list[j] = list[j - 1];
    list[j] = one;
  }
}

void atr_race_order_arrange(atr_candidate *list, size_t count)
{
  size_t begin = 0;

  sort_by_round(list, count);
  for (size_t i = 1; i <= count; i++)
    if (i == count || list[i].round != list[begin].round) {
      interleave(list + begin, i - begin);
      begin = i;
    }
}
