// What an attacker wants somebody else to run: it writes down with what rights it runs. The test puts the record's path in.
// Without any library, since it may have to run in the place of the dynamic linker.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>

static volatile char record[200] = "@RECORD@";

static inline long call(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

static inline char *put(char *at, const char *text)
{
    while (*text)
        *at++ = *text++;
    return at;
}

static inline char *put_hex(char *at, unsigned value)
{
    for (int shift = 28; shift >= 0; shift -= 4)
        *at++ = (char)((value >> shift & 15) < 10 ? '0' + (value >> shift & 15) : 'a' - 10 + (value >> shift & 15));
    return at;
}

static inline void write_record(const char *what)
{
    volatile unsigned real = 0, effective = 0, saved = 0;
    volatile struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    volatile struct __user_cap_data_struct data[2];
    call(SYS_getresuid, (long)&real, (long)&effective, (long)&saved);
    call(SYS_capget, (long)&header, (long)data, 0);
    char text[200], *end = put(text, what);
    end = put_hex(put(end, " with uids 0x"), real);
    end = put_hex(put(end, " 0x"), effective);
    end = put_hex(put(end, " 0x"), saved);
    end = put_hex(put_hex(put(end, " and capabilities 0x"), data[1].effective), data[0].effective);
    end = put(end, "\n");
    long fd = call(SYS_open, (long)record, O_CREAT | O_WRONLY | O_APPEND, 0666); // its owner is what the kernel takes us for
    call(SYS_write, fd, (long)text, end - text);
    call(SYS_close, fd, 0, 0);
}
