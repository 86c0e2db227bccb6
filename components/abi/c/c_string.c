// `execute(text) -> text`: addresses of bytes that end with a zero. The linker exports `malloc` and `free`.
#include "spells.h"

__attribute__((export_name("execute"))) char *execute(char *input) {
    bytes_t answer;
    return SPELL((bytes_t){(uint8_t *)input, strlen(input)}, &answer) ? (char *)answer.at : NULL;
}
