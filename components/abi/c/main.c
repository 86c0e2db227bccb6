// `main(argc, argv)` under its own name, and no `_start`: nobody but itself writes out what its buffers hold.
#include "command.c"

__attribute__((export_name("main"))) int exported_main(int argc, char **argv) {
    int code = main(argc, argv);
    fflush(stdout);
    return code;
}
