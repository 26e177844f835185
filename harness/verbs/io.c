/* Verbs that read and write through a descriptor: pread, pwrite. */
#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "actor/actor.h"
#include "base/size.h"
#include "truth/world_model.h"
#include "verbs/verbs.h"

/* A page-aligned buffer (O_DIRECT wants that): small ones on the stack, since every write of a plan needs one. */
enum { SMALL_BYTES = 16384 };
struct aligned_buffer {
    alignas(PAGE_BYTES) uint8_t small[SMALL_BYTES];
    uint8_t *data;
    uint64_t len_bytes;
};

static void buffer_get(struct actor *a, struct aligned_buffer *b, uint64_t len_bytes)
{
    b->len_bytes = len_bytes;
    b->data = b->small;
    if (len_bytes > SMALL_BYTES) {
        void *p = mmap(NULL, len_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED)
            a->broken(a->run, ENOMEM, "no memory for the bytes of a read or write");
        b->data = p;
    }
}

static void buffer_put(struct aligned_buffer *b)
{
    if (b->data != b->small)
        munmap(b->data, b->len_bytes);
}

static void call_pread(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_file f;
    struct aligned_buffer bounce = {.data = NULL};
    uint64_t off = s->arg[0].num, len = s->arg[1].num;

    if (!actor_file(a, s, e, &f, NULL))
        return;
    uint8_t *dst = history_data_new(a->history, e, len);

    if (!dst)
        a->broken(a->run, ENOBUFS, "pread: the history has no room for what it reads");
    if (f.open_mode & O_DIRECT) {
        buffer_get(a, &bounce, len);
        actor_result(e, pread(f.fd, bounce.data, len, (off_t)off));
        memcpy(dst, bounce.data, (uint64_t)e->ret);
        buffer_put(&bounce);
    } else {
        actor_result(e, pread(f.fd, dst, len, (off_t)off));
    }
    e->data_len = (uint64_t)e->ret;
}

/* With O_DIRECT some file systems refuse what is not whole sectors, others read or write it through the page cache. */
static void expect_aligned(struct world *w, const struct step *s, const struct event *e, const struct open_file *f)
{
    if (f->direct && (s->arg[0].num | s->arg[1].num) % PAGE_BYTES)
        world_expect(w, e)->err = EXPECT_ANY;
}

static void effect_pread(struct world *w, const struct step *s, const struct event *e)
{
    struct open_file *f = world_file(w, s);

    if (!f || !f->readable)
        world_expect(w, e)->err = EBADF;
    else if (f->inode == NO_INODE || w->inodes[f->inode].kind != INODE_FILE)
        world_expect(w, e)->err = EXPECT_ANY;
    else {
        expect_aligned(w, s, e, f);
        world_access(w, e, f->inode, s->arg[0].num, s->arg[1].num, false, NULL);
    }
}

/* Where a write lands: with O_APPEND at the end of the file, whatever offset pwrite is given (pwrite(2), "BUGS"). */
static uint64_t landing_offset(const struct actor_file *f, uint64_t asked)
{
    off_t end = f->open_mode & O_APPEND ? lseek(f->fd, 0, SEEK_END) : -1;

    return end >= 0 ? (uint64_t)end : asked;
}

static void call_pwrite(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_file f;
    struct aligned_buffer b;
    uint64_t len = s->arg[1].num;
    int flags = (has_flag(s, 'D') ? RWF_DSYNC : 0) | (has_flag(s, 's') ? RWF_SYNC : 0);

    if (!actor_file(a, s, e, &f, NULL))
        return;
    uint64_t off = landing_offset(&f, s->arg[0].num);
    struct actor_filling filling = actor_filling_of(a, s, f.path);

    e->place = off;
    buffer_get(a, &b, len);
    actor_fill(&filling, off, b.data, len);
    actor_result(e, flags ? pwritev2(f.fd, &(struct iovec){b.data, len}, 1, (off_t)off, flags)
                          : pwrite(f.fd, b.data, len, (off_t)off));
    buffer_put(&b);
}

static void effect_pwrite(struct world *w, const struct step *s, const struct event *e)
{
    struct open_file *f = world_file(w, s);

    if (!f || !f->writable) {
        world_expect(w, e)->err = EBADF;
        return;
    }
    if (f->inode == NO_INODE || w->inodes[f->inode].kind != INODE_FILE) {
        world_expect(w, e)->err = EXPECT_ANY;
        return;
    }
    expect_aligned(w, s, e, f);
    w->inodes[f->inode].written_directly |= f->direct;
    if (!event_may_have_part(e))
        return;
    struct span when = span_of(w, e, event_ok(e));
    struct content c = content_of(w, s, f->path);
    uint64_t off = s->arg[0].num, len = event_ok(e) ? (uint64_t)e->ret : s->arg[1].num;

    if (f->append) {
        c.shift = -(int64_t)e->place; /* its bytes were made for this offset */
        off = world_append(w, f->inode, when, len, c);
    } else {
        world_extend(w, f->inode, when, off, off + len);
        world_write(w, f->inode, when, off, off + len, c);
    }
    if (off != UINT64_MAX && (f->dsync || has_flag(s, 'D') || has_flag(s, 's'))) {
        when.begin_seq = when.end_seq; /* durable on return: a sync that began when the write had ended */
        world_sync_range(w, f->inode, when, off, off + len);
    }
}

const struct verb verbs_io[] = {
    {.name = "pread",
     .syntax = "OFFSET LENGTH",
     .target = TARGET_FILE,
     .help =
         "Reads the range with one system call and records the bytes, which are judged like a crash's survivors: a read shows "
         "the last completed write or store of each byte at once. Short at end of file. As in xfs_io; pread(2).",
     .effect = effect_pread,
     .call = call_pread},
    {.name = "pwrite",
     .syntax = "[-D] [-s] [-S BYTE] OFFSET LENGTH",
     .target = TARGET_FILE,
     .properties = VERB_WRITES | VERB_RESIZES | VERB_NOTES_PLACE,
     .help =
         "Writes the range with one system call: stamps, words that say which step wrote them where, or with -S that byte over "
         "and over. Mappings and other processes see it at once, and it outlives the process; it is durable after a sync, or "
         "on return with -D (RWF_DSYNC), -s (RWF_SYNC) or a descriptor opened with -s or -D. Atomic against a crash only per "
         "sector of the disk. On a descriptor opened with -a it goes to the end of the file whatever OFFSET says. As in "
         "xfs_io, except -s; pwrite(2), pwritev2(2).",
     .effect = effect_pwrite,
     .call = call_pwrite},
    {0},
};
