// Tests of the counting, run natively: they print nothing when all is well and exit with the number of failures.

#include <stdio.h>
#include <string.h>

#include "count.h"

typedef struct {
  const char *text;
  const char *json;
} case_t;

static int check(const case_t *expected, size_t piece_bytes) {
  counts_t counts = {0};
  size_t length = strlen(expected->text);
  for (size_t at = 0; at < length; at += piece_bytes) {
    size_t rest = length - at;
    counts_add(&counts, (const uint8_t *)expected->text + at, rest < piece_bytes ? rest : piece_bytes);
  }
  char json[COUNTS_JSON_BYTES_MAX];
  counts_to_json(&counts, json);
  if (strcmp(json, expected->json) == 0) return 0;
  fprintf(stderr, "\"%s\" in pieces of %zu gave %s, expected %s\n", expected->text, piece_bytes, json, expected->json);
  return 1;
}

int main(void) {
  const case_t cases[] = {
      {"", "{\"lines\":0,\"words\":0,\"chars\":0,\"bytes\":0}"},
      {"one", "{\"lines\":0,\"words\":1,\"chars\":3,\"bytes\":3}"},
      {"one two\nthree\n", "{\"lines\":2,\"words\":3,\"chars\":14,\"bytes\":14}"},
      {" \t\r\n\v\f ", "{\"lines\":1,\"words\":0,\"chars\":7,\"bytes\":7}"},
      {"gr\xC3\xBC\xC3\x9F euch", "{\"lines\":0,\"words\":2,\"chars\":9,\"bytes\":11}"},
  };
  int failures = 0;
  // However the body is cut, the counts are the same.
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    for (size_t piece_bytes = 1; piece_bytes <= 16; piece_bytes++) failures += check(&cases[i], piece_bytes);

  counts_t largest = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, false};
  char json[COUNTS_JSON_BYTES_MAX];
  failures += counts_to_json(&largest, json) >= COUNTS_JSON_BYTES_MAX;
  return failures;
}
