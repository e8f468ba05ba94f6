// A program in the place of another: of the dynamic linker, or of one that somebody finds through a /proc that is none.
#include "planted.h"

void _start(void)
{
    write_record("program");
    for (;;)
        call(SYS_exit_group, 1, 0, 0);
}
