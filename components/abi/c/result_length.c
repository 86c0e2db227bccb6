// `run(address, length) -> address`, and `result_len() -> length` after it.
#include "spells.h"

static size_t result_length = 0;

__attribute__((export_name("alloc"))) uint8_t *alloc(size_t size) { return malloc(size); }

__attribute__((export_name("run"))) uint8_t *run(uint8_t *input, size_t length) {
    bytes_t answer;
    bool is_well = SPELL((bytes_t){input, length}, &answer);
    // No address and no length would be an answer without bytes.
    result_length = is_well ? answer.length : SIZE_MAX;
    return is_well ? answer.at : NULL;
}

__attribute__((export_name("result_len"))) size_t result_len(void) { return result_length; }
