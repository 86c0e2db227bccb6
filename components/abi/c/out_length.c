// `process(address, length, where the answer's length goes) -> address`. The linker exports `malloc` and `free`.
#include "spells.h"

__attribute__((export_name("process"))) uint8_t *process(uint8_t *input, size_t length, size_t *answer_length) {
    bytes_t answer;
    if (!SPELL((bytes_t){input, length}, &answer)) return NULL;
    *answer_length = answer.length;
    return answer.at;
}
