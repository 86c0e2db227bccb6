// Counting, one piece of text at a time. Knows bytes; must never know HTTP.
#ifndef WORDCOUNT_COUNT_H
#define WORDCOUNT_COUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Running totals. Start with all fields zero.
typedef struct {
  uint64_t lines; // newline characters
  uint64_t words; // runs of bytes that are not ASCII white space
  uint64_t chars; // UTF-8 sequences, by their first bytes
  uint64_t bytes;
  bool in_word; // whether the last byte seen belongs to a word
} counts_t;

// Adds a piece; a word or character may continue in the next piece.
void counts_add(counts_t *counts, const uint8_t *text, size_t length);

// Longest JSON that counts_to_json writes, terminator included, in bytes.
#define COUNTS_JSON_BYTES_MAX 160

// Writes the totals as a JSON object and returns its length in bytes, without the terminator.
size_t counts_to_json(const counts_t *counts, char json[COUNTS_JSON_BYTES_MAX]);

#endif
