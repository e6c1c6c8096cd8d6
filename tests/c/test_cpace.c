/* SPDX-License-Identifier: MIT
 *
 * CPace against the draft's test vectors (draft-irtf-cfrg-cpace, "Test vector for CPace using group ristretto255 and
 * hash SHA-512"), and what must not work: another password, another connection, other keys, shares that are none. */
#include "test.h"

#include "session/cpace.h"

typedef struct bytes {
  uint8_t p[256];
  size_t n;
} bytes;

static bytes unhex(const char *text)
{
  bytes out;

  out.n = test_unhex(text, out.p, sizeof out.p);
  return out;
}

#define SPAN(b) atr_span_of((b).p, (b).n)
#define TEXT(s) atr_span_of(s, sizeof(s) - 1)

static const char ci_hex[] = "6f630b425f726573706f6e6465720b415f696e69746961746f72";
static const char sid_hex[] = "7e4b4791d6a8ef019b936c79fb7f2c57";

static void the_drafts_generator_string(void **state)
{
  bytes ci = unhex(ci_hex), sid = unhex(sid_hex), expected;
  atr_buf out;

  (void)state;
  expected = unhex("11435061636552697374726574746f3235350850617373776f726464");
  memset(expected.p + expected.n, 0, 0x64);
  expected.n += 0x64;
  expected.n += test_unhex("1a6f630b425f726573706f6e6465720b415f696e69746961746f72107e4b4791d6a8ef019b936c79fb7f2c57",
                           expected.p + expected.n, sizeof expected.p - expected.n);
  atr_buf_init(&out, 1024);
  assert_ok(atr_cpace_generator_string(&out, TEXT("Password"), SPAN(ci), SPAN(sid)));
  assert_int_equal(out.len, expected.n);
  assert_memory_equal(out.data, expected.p, expected.n);
  atr_buf_free(&out);
}

static void the_drafts_exchange(void **state)
{
  bytes ci = unhex(ci_hex), sid = unhex(sid_hex);
  bytes ya = unhex("da3d23700a9e5699258aef94dc060dfda5ebb61f02a5ea77fad53f4ff0976d08");
  bytes yb = unhex("d2316b454718c35362d83d69df6320f38578ed5984651435e2949762d900b80d");
  bytes share_a = unhex("d40fb265a7abeaee7939d91a585fe59f7053f982c296ec413c624c669308f87a");
  bytes share_b = unhex("08bcf6e9777a9c313a3db6daa510f2d398403319c2341bd506a92e672eb7e307");
  bytes isk = unhex("4c5469a16b2364c4b944ebc1a79e51d1674ad47db26e8718154f59faebfaa52d"
                    "8346f30aa58377117eb20d527f2cbc5c76381f7fd372e89df8239f87f2e02ed1");
  atr_cpace a, b;

  (void)state;
  assert_ok(atr_cpace_start(&a, true, TEXT("Password"), SPAN(ci), SPAN(sid), TEXT("ADa"), ya.p));
  assert_ok(atr_cpace_start(&b, false, TEXT("Password"), SPAN(ci), SPAN(sid), TEXT("ADb"), yb.p));
  assert_memory_equal(a.share, share_a.p, 32);
  assert_memory_equal(b.share, share_b.p, 32);
  assert_ok(atr_cpace_agree(&a, b.share, TEXT("ADb")));
  assert_ok(atr_cpace_agree(&b, a.share, TEXT("ADa")));
  assert_memory_equal(a.isk, isk.p, 64);
  assert_memory_equal(b.isk, isk.p, 64);
  assert_ok(atr_cpace_confirm(&a, b.tag));
  assert_ok(atr_cpace_confirm(&b, a.tag));
  assert_err(atr_cpace_confirm(&a, a.tag), ATR_PASSWORD); /* reflected */
}

/* One exchange; what `a` says about the tag of `b`. */
static int meet(const char *secret_a, const char *secret_b, const char *sid_a, const char *sid_b, const char *ad_a,
                const char *ad_a_as_b_sees)
{
  atr_span ci = TEXT("atrium");
  atr_cpace a, b;
  int err;

  assert_ok(atr_cpace_start(&a, true, atr_span_of(secret_a, strlen(secret_a)), ci, atr_span_of(sid_a, strlen(sid_a)),
                            atr_span_of(ad_a, strlen(ad_a)), NULL));
  assert_ok(atr_cpace_start(&b, false, atr_span_of(secret_b, strlen(secret_b)), ci, atr_span_of(sid_b, strlen(sid_b)),
                            TEXT("host"), NULL));
  assert_ok(atr_cpace_agree(&a, b.share, TEXT("host")));
  assert_ok(atr_cpace_agree(&b, a.share, atr_span_of(ad_a_as_b_sees, strlen(ad_a_as_b_sees))));
  err = atr_cpace_confirm(&a, b.tag);
  assert_int_equal(err, atr_cpace_confirm(&b, a.tag));
  atr_cpace_wipe(&a);
  atr_cpace_wipe(&b);
  return err;
}

static void only_equal_secrets_meet(void **state)
{
  (void)state;
  assert_ok(meet("secret", "secret", "line", "line", "guest", "guest"));
  assert_err(meet("secret", "Secret", "line", "line", "guest", "guest"), ATR_PASSWORD);
  assert_err(meet("secret", "", "line", "line", "guest", "guest"), ATR_PASSWORD);
  /* carried to another connection; vouched for by another key */
  assert_err(meet("secret", "secret", "line", "other line", "guest", "guest"), ATR_PASSWORD);
  assert_err(meet("secret", "secret", "line", "line", "guest", "thief"), ATR_PASSWORD);
}

static void shares_that_are_none_are_refused(void **state)
{
  uint8_t zero[32] = {0}, ones[32], large[ATR_CPACE_SECRET_BYTES_MAX + 1] = {0};
  atr_cpace a;

  (void)state;
  memset(ones, 0xff, sizeof ones);
  assert_ok(atr_cpace_start(&a, true, TEXT("secret"), TEXT("ci"), TEXT("sid"), TEXT("ad"), NULL));
  assert_err(atr_cpace_agree(&a, zero, TEXT("ad")), ATR_PROTO);
  assert_err(atr_cpace_agree(&a, ones, TEXT("ad")), ATR_PROTO);
  assert_err(atr_cpace_start(&a, true, atr_span_of(large, sizeof large), TEXT("ci"), TEXT("sid"), TEXT("ad"), NULL),
             ATR_LIMIT);
}

/* Before the share there is nothing to be confirmed: not even zeros, which a run begins with. */
static void a_tag_before_the_share_proves_nothing(void **state)
{
  uint8_t zeros[ATR_CPACE_TAG_BYTES] = {0}, no_share[ATR_CPACE_SHARE_BYTES] = {0};
  atr_cpace a = {0};

  (void)state;
  assert_err(atr_cpace_confirm(&a, zeros), ATR_PROTO);
  assert_ok(atr_cpace_start(&a, true, TEXT("secret"), TEXT("ci"), TEXT("sid"), TEXT("ad"), NULL));
  assert_err(atr_cpace_confirm(&a, zeros), ATR_PROTO);
  assert_err(atr_cpace_agree(&a, no_share, TEXT("ad")), ATR_PROTO);
  assert_err(atr_cpace_confirm(&a, zeros), ATR_PROTO);
}

/* AddressSanitizer has an allocator of its own. */
#ifndef __SANITIZE_ADDRESS__
static int calls_until_short; /* from then on there is no memory; 0: there is always */

void *__libc_realloc(void *p, size_t size);

/* In place of the system's, for all of this program. */
void *realloc(void *p, size_t size)
{
  if (calls_until_short > 1)
    calls_until_short--;
  else if (calls_until_short == 1)
    return NULL;
  return __libc_realloc(p, size);
}

/* Without memory both tags were made of nothing, and so were one and the same: whoever sent ours back had proved that he knew the password. */
static void where_memory_is_short_nothing_is_agreed_on(void **state)
{
  bool was_short = true;
  atr_cpace a, b;

  (void)state;
  for (int call = 1; was_short; call++) {
    assert_ok(atr_cpace_start(&a, true, TEXT("secret"), TEXT("ci"), TEXT("sid"), TEXT("guest"), NULL));
    assert_ok(atr_cpace_start(&b, false, TEXT("other"), TEXT("ci"), TEXT("sid"), TEXT("host"), NULL));
    calls_until_short = call;
    was_short = atr_cpace_agree(&a, b.share, TEXT("host")) == ATR_NOMEM;
    assert_int_equal(atr_cpace_confirm(&a, a.tag), was_short ? ATR_PROTO : ATR_PASSWORD);
    calls_until_short = 0;
  }
}
#endif

static void no_two_runs_are_alike(void **state)
{
  atr_cpace a, b;

  (void)state;
  assert_ok(atr_cpace_start(&a, true, TEXT("secret"), TEXT("ci"), TEXT("sid"), TEXT("ad"), NULL));
  assert_ok(atr_cpace_start(&b, true, TEXT("secret"), TEXT("ci"), TEXT("sid"), TEXT("ad"), NULL));
  assert_memory_not_equal(a.share, b.share, sizeof a.share);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_drafts_generator_string),
      cmocka_unit_test(the_drafts_exchange),
      cmocka_unit_test(only_equal_secrets_meet),
      cmocka_unit_test(shares_that_are_none_are_refused),
      cmocka_unit_test(no_two_runs_are_alike),
      cmocka_unit_test(a_tag_before_the_share_proves_nothing),
#ifndef __SANITIZE_ADDRESS__
      cmocka_unit_test(where_memory_is_short_nothing_is_agreed_on),
#endif
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
