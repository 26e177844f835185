/* Names of errnos and signals: see outcome.h. The first name of a code is the one that is printed. */
#include "language/outcome.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define NAMED(x)                                                                                                                 \
    {                                                                                                                            \
#x, x                                                                                                                    \
    }
#define SIGNAL(x)                                                                                                                \
    {                                                                                                                            \
#x, -(x)                                                                                                                 \
    }

static const struct {
    char name[16];
    int16_t code;
} outcomes[] = {
    {"ok", 0},           NAMED(EPERM),        NAMED(ENOENT),        NAMED(EINTR),
    NAMED(EIO),          NAMED(ENXIO),        NAMED(EBADF),         NAMED(ECHILD),
    NAMED(EAGAIN),       NAMED(ENOMEM),       NAMED(EACCES),        NAMED(EFAULT),
    NAMED(ENOTBLK),      NAMED(EBUSY),        NAMED(EEXIST),        NAMED(EXDEV),
    NAMED(ENODEV),       NAMED(ENOTDIR),      NAMED(EISDIR),        NAMED(EINVAL),
    NAMED(ENFILE),       NAMED(EMFILE),       NAMED(ENOTTY),        NAMED(ETXTBSY),
    NAMED(EFBIG),        NAMED(ENOSPC),       NAMED(ESPIPE),        NAMED(EROFS),
    NAMED(EMLINK),       NAMED(EPIPE),        NAMED(EDOM),          NAMED(ERANGE),
    NAMED(EDEADLK),      NAMED(ENAMETOOLONG), NAMED(ENOLCK),        NAMED(ENOSYS),
    NAMED(ENOTEMPTY),    NAMED(ELOOP),        NAMED(ENODATA),       NAMED(ETIME),
    NAMED(EREMOTE),      NAMED(EPROTO),       NAMED(EBADMSG),       NAMED(EOVERFLOW),
    NAMED(EUSERS),       NAMED(EOPNOTSUPP),   {"ENOTSUP", ENOTSUP}, {"EWOULDBLOCK", EWOULDBLOCK},
    NAMED(ETIMEDOUT),    NAMED(ECONNREFUSED), NAMED(ECONNRESET),    NAMED(EHOSTDOWN),
    NAMED(EHOSTUNREACH), NAMED(EALREADY),     NAMED(EINPROGRESS),   NAMED(ESTALE),
    NAMED(EUCLEAN),      NAMED(EREMOTEIO),    NAMED(EDQUOT),        NAMED(ENOMEDIUM),
    NAMED(ECANCELED),    NAMED(ENOKEY),       NAMED(EHWPOISON),     SIGNAL(SIGBUS),
    SIGNAL(SIGSEGV),     SIGNAL(SIGXFSZ),     SIGNAL(SIGPIPE),
};

enum { N_OUTCOMES = sizeof outcomes / sizeof *outcomes };

int outcome_parse(const char *text, size_t len_bytes, int16_t *ret)
{
    for (size_t i = 0; i < N_OUTCOMES; i++) {
        if (strlen(outcomes[i].name) == len_bytes && !memcmp(outcomes[i].name, text, len_bytes)) {
            *ret = outcomes[i].code;
            return 0;
        }
    }
    return -EINVAL;
}

const char *outcome_word(size_t i)
{
    return i < N_OUTCOMES ? outcomes[i].name : NULL;
}

const char *outcome_name(int code)
{
    for (size_t i = 0; i < N_OUTCOMES; i++) {
        if (outcomes[i].code == code)
            return outcomes[i].name;
    }
    return NULL;
}
