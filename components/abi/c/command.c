// A program with `main`: standard input, standard output, and how it ends.
#include "spells.h"

static bytes_t read_all(FILE *file) {
    bytes_t input = {NULL, 0};
    for (size_t size = 4096, count = 1; count > 0; size *= 2) {
        input.at = realloc(input.at, size);
        count = fread(input.at + input.length, 1, size - input.length, file);
        input.length += count;
    }
    return input;
}

int main(int argc, char **argv) {
    (void)argc, (void)argv;
    bytes_t answer;
    bool is_well = SPELL(read_all(stdin), &answer);
    fwrite(answer.at, 1, answer.length, is_well ? stdout : stderr);
    return is_well ? 0 : 3;
}
