// A library in the place of another.
#include "planted.h"

__attribute__((constructor)) static void load(void)
{
    write_record("library");
}
