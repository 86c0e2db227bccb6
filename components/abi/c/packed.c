// `execute(address, length) -> address << 32 | length`. The linker exports `malloc` and `free`.
#include "spells.h"

__attribute__((export_name("execute"))) int64_t execute(uint8_t *input, size_t length) {
    bytes_t answer;
    if (!SPELL((bytes_t){input, length}, &answer)) return -1;
    return (int64_t)(((uint64_t)(uintptr_t)answer.at << 32) | answer.length);
}
