// The spells: bytes in, bytes out. `-DSPELL=name` says which one is built.
#ifndef SPELLS_H
#define SPELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef SPELL
#define SPELL processed
#endif

typedef struct {
    uint8_t *at;
    size_t length;
} bytes_t;

static bytes_t joined(const void *one, size_t length, const void *other, size_t other_length) {
    uint8_t *at = malloc(length + other_length + 1);
    if (length > 0) memcpy(at, one, length);
    if (other_length > 0) memcpy(at + length, other, other_length);
    at[length + other_length] = 0;
    return (bytes_t){at, length + other_length};
}

static inline bool processed(bytes_t input, bytes_t *answer) {
    *answer = joined("Processed: ", 11, input.at, input.length);
    return true;
}

static inline bool suffix(bytes_t input, bytes_t *answer) {
    *answer = joined(input.at, input.length, "-wasm", 5);
    return true;
}

// Where the character at `at` ends: behind a byte and the continuation bytes that follow it.
static inline size_t character_end(bytes_t input, size_t at) {
    do at++;
    while (at < input.length && (input.at[at] & 0xc0) == 0x80);
    return at;
}

static inline bool rle(bytes_t input, bytes_t *answer) {
    // A character that stands alone becomes two bytes at most for each of its own.
    uint8_t *text = malloc(2 * input.length + 16);
    size_t written = 0;
    for (size_t at = 0; at < input.length;) {
        size_t size = character_end(input, at) - at;
        size_t next = at + size;
        unsigned count = 1;
        while (next < input.length && character_end(input, next) == next + size && memcmp(input.at + at, input.at + next, size) == 0) {
            next += size;
            count++;
        }
        written += (size_t)sprintf((char *)text + written, "%u", count);
        memcpy(text + written, input.at + at, size);
        written += size;
        at = next;
    }
    text[written] = 0;
    *answer = (bytes_t){text, written};
    return true;
}

static inline bool churn(bytes_t input, bytes_t *answer) {
    uint8_t *kept[256] = {0};
    uint32_t sum = (uint32_t)input.length;
    for (unsigned number = 0; number < 10000; number++) {
        char digits[12];
        size_t length = (size_t)sprintf(digits, "%u", number);
        unsigned times = number % 7 + 1;
        uint8_t *text = malloc(length * times);
        for (unsigned time = 0; time < times; time++) memcpy(text + time * length, digits, length);
        for (size_t at = 0; at < length * times; at++) sum = sum * 31 + text[at];
        free(kept[number % 256]);
        kept[number % 256] = text;
    }
    char digits[12];
    size_t length = (size_t)sprintf(digits, "%u", sum);
    *answer = joined(digits, length, "", 0);
    return true;
}

static inline bool fails(bytes_t input, bytes_t *answer) {
    *answer = joined("Input is required", 17, input.at, 0);
    return false;
}

#endif
