#include "count.h"

#include <string.h>

static bool is_space(uint8_t byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

void counts_add(counts_t *counts, const uint8_t *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    uint8_t byte = text[i];
    bool in_word = !is_space(byte);
    counts->lines += byte == '\n';
    counts->words += in_word && !counts->in_word;
    counts->chars += (byte & 0xC0) != 0x80; // not a continuation byte
    counts->in_word = in_word;
  }
  counts->bytes += length;
}

// Appends text at `end` and returns the new end. snprintf would quintuple the component's size.
static char *append_text(char *end, const char *text) {
  size_t length = strlen(text);
  memcpy(end, text, length);
  return end + length;
}

static char *append_number(char *end, uint64_t number) {
  char digits[21];
  char *first = digits + sizeof digits - 1;
  *first = '\0';
  do {
    *--first = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  return append_text(end, first);
}

size_t counts_to_json(const counts_t *counts, char json[COUNTS_JSON_BYTES_MAX]) {
  char *end = json;
  end = append_number(append_text(end, "{\"lines\":"), counts->lines);
  end = append_number(append_text(end, ",\"words\":"), counts->words);
  end = append_number(append_text(end, ",\"chars\":"), counts->chars);
  end = append_number(append_text(end, ",\"bytes\":"), counts->bytes);
  end = append_text(end, "}");
  *end = '\0';
  return (size_t)(end - json);
}
