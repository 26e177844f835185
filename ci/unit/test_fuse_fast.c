/* In which order the recorded disk serves requests: the kernel's end of /dev/fuse is a socket here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "disk/disk.h"
#include "disk/fuse_fast.h"

enum { NODE = 2, SIZE = 64 * 4096, ROOM = 16384 };

struct fixture {
    int base, kernel; /* the disk's image; the kernel's end */
    struct disk *disk;
    struct writelog *log;
    struct fuse_queue queue;
    uint64_t unique; /* of the last request */
};

static int set_up(void **state)
{
    static struct fixture f;
    int pair[2];

    f = (struct fixture){.base = memfd_create("test", MFD_CLOEXEC)};
    if (f.base < 0 || ftruncate(f.base, SIZE) || disk_new(f.base, 512, &f.disk, NULL) < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair))
        return -1;
    f.log = writelog_new(100, 1 << 20);
    f.kernel = pair[0];
    fcntl(f.kernel, F_SETFL, O_RDWR | O_NONBLOCK);
    f.queue = (struct fuse_queue){.fd = pair[1], .room_bytes = ROOM};
    disk_record(f.disk, f.log, NULL);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    fuse_queue_free(&f->queue);
    close(f->queue.fd);
    close(f->kernel);
    disk_free(f->disk);
    writelog_free(f->log);
    close(f->base);
    return 0;
}

/* Sends a request; returns its number. */
static uint64_t send_request(struct fixture *f, uint32_t opcode, const void *arg, size_t arg_bytes, size_t data_bytes)
{
    uint8_t bytes[8192] = {0};
    const struct fuse_in_header in = {
        .len = (uint32_t)(sizeof in + arg_bytes + data_bytes), .opcode = opcode, .unique = ++f->unique, .nodeid = NODE};

    memcpy(bytes, &in, sizeof in);
    if (arg_bytes)
        memcpy(bytes + sizeof in, arg, arg_bytes);
    assert_int_equal(send(f->kernel, bytes, in.len, 0), in.len);
    return in.unique;
}

static uint64_t send_write(struct fixture *f)
{
    const struct fuse_write_in w = {.size = 4096};

    return send_request(f, FUSE_WRITE, &w, sizeof w, w.size);
}

static uint64_t send_read(struct fixture *f)
{
    const struct fuse_read_in r = {.size = 4096};

    return send_request(f, FUSE_READ, &r, sizeof r, 0);
}

static uint64_t send_flush(struct fixture *f)
{
    const struct fuse_fsync_in s = {.fh = 0};

    return send_request(f, FUSE_FSYNC, &s, sizeof s, 0);
}

static uint64_t send_discard(struct fixture *f)
{
    const struct fuse_fallocate_in a = {.length = 4096};

    return send_request(f, FUSE_FALLOCATE, &a, sizeof a, 0);
}

static void serve(struct fixture *f)
{
    struct fuse_request r;

    assert_int_equal(fuse_fast_serve(f->disk, NODE, &f->queue, &r), 1);
}

/* The next answer is this request's; 0: there is none. */
static void expect_answer(const struct fixture *f, uint64_t unique)
{
    struct fuse_out_header out = {.unique = 0};
    uint8_t bytes[8192];
    const ssize_t n = recv(f->kernel, bytes, sizeof bytes, 0);

    if (n >= (ssize_t)sizeof out)
        memcpy(&out, bytes, sizeof out);
    assert_int_equal(out.unique, unique);
    assert_int_equal(out.error, 0);
}

/* The log's operations: "W" and "F". */
static void expect_log(const struct fixture *f, const char *ops)
{
    assert_int_equal(writelog_length(f->log), strlen(ops));
    for (size_t i = 0; ops[i]; i++)
        assert_int_equal(writelog_entry(f->log, i)->op, ops[i] == 'W' ? LOG_WRITE : LOG_FLUSH);
}

static void a_flush_covers_a_write_that_had_completed(void **state)
{
    struct fixture *f = *state;

    expect_answer(f, 0);
    const uint64_t write = send_write(f);
    serve(f);
    expect_answer(f, write);
    const uint64_t flush = send_flush(f);
    serve(f);
    expect_answer(f, flush);
    expect_log(f, "WF");
}

static void a_flush_does_not_cover_what_was_in_flight(void **state)
{
    struct fixture *f = *state;
    const uint64_t first = send_write(f), second = send_write(f), flush = send_flush(f), third = send_write(f),
                   last = send_flush(f);

    serve(f);
    expect_log(f, "FFW");
    serve(f);
    serve(f);
    expect_log(f, "FFWWW");
    expect_answer(f, flush);
    expect_answer(f, last);
    expect_answer(f, first);
    expect_answer(f, second);
    expect_answer(f, third);
    expect_answer(f, 0);
}

static void nothing_else_leaves_its_turn(void **state)
{
    struct fixture *f = *state;
    const uint64_t write = send_write(f), read_one = send_read(f), flush = send_flush(f), read_two = send_read(f);

    for (int i = 0; i < 3; i++)
        serve(f);
    expect_answer(f, flush);
    expect_answer(f, write);
    expect_answer(f, read_one);
    expect_answer(f, read_two);
    const uint64_t later = send_flush(f);
    serve(f);
    expect_answer(f, later);
    expect_log(f, "FWF");
}

static void a_discard_is_a_write(void **state)
{
    struct fixture *f = *state;
    struct fuse_request r;
    const uint64_t discard = send_discard(f), flush = send_flush(f);

    assert_int_equal(fuse_fast_serve(f->disk, NODE, &f->queue, &r), 0); /* libfuse knows how to */
    assert_int_equal(((const struct fuse_in_header *)r.mem)->unique, discard);
    fuse_queue_recycle(&f->queue, &r);
    expect_answer(f, flush);
    expect_log(f, "F");
}

static void without_a_recording_all_keep_their_turn(void **state)
{
    struct fixture *f = *state;

    disk_record(f->disk, NULL, NULL);
    const uint64_t write = send_write(f), flush = send_flush(f);
    serve(f);
    serve(f);
    expect_answer(f, write);
    expect_answer(f, flush);
    expect_log(f, "");
}

/* The next answer: its error, and its payload. */
static int answer_of(const struct fixture *f, void *payload, size_t *ret_bytes)
{
    struct fuse_out_header out;
    uint8_t bytes[16384];
    const ssize_t n = recv(f->kernel, bytes, sizeof bytes, 0);

    assert_true(n >= (ssize_t)sizeof out);
    memcpy(&out, bytes, sizeof out);
    assert_int_equal(out.len, n);
    *ret_bytes = (size_t)n - sizeof out;
    memcpy(payload, bytes + sizeof out, *ret_bytes);
    return out.error;
}

static void answers_hold_what_was_asked_for(void **state)
{
    struct fixture *f = *state;
    struct fuse_write_out written;
    const struct fuse_read_in beyond = {.offset = SIZE - 4096, .size = 8192};
    const struct fuse_write_in write_beyond = {.offset = SIZE - 512, .size = 1024}, nothing = {.size = 0};
    uint8_t block[16384], data[sizeof(struct fuse_write_in) + 4096];
    size_t n;

    /* send_request sends zeros behind the arguments: the data goes along with them here. */
    memset(data, 7, sizeof data);
    memcpy(data, &(struct fuse_write_in){.offset = 4096, .size = 4096}, sizeof(struct fuse_write_in));
    send_request(f, FUSE_WRITE, data, sizeof data, 0);
    serve(f);
    assert_int_equal(answer_of(f, block, &n), 0);
    assert_int_equal(n, sizeof written);
    memcpy(&written, block, sizeof written);
    assert_int_equal(written.size, 4096);
    send_request(f, FUSE_READ, &(struct fuse_read_in){.offset = 4096, .size = 4096}, sizeof(struct fuse_read_in), 0);
    serve(f);
    assert_int_equal(answer_of(f, block, &n), 0);
    assert_int_equal(n, 4096);
    assert_memory_equal(block, data + sizeof(struct fuse_write_in), 4096);
    send_request(f, FUSE_READ, &beyond, sizeof beyond, 0);
    serve(f);
    assert_int_equal(answer_of(f, block, &n), -EIO);
    assert_int_equal(n, 0);
    send_request(f, FUSE_WRITE, &write_beyond, sizeof write_beyond, write_beyond.size);
    serve(f);
    assert_int_equal(answer_of(f, block, &n), -EIO);
    assert_int_equal(n, 0);
    send_request(f, FUSE_WRITE, &nothing, sizeof nothing, 0);
    serve(f);
    assert_int_equal(answer_of(f, block, &n), 0);
    send_request(f, FUSE_FSYNC, NULL, 0, 0);
    serve(f);
    assert_int_equal(answer_of(f, block, &n), 0);
    assert_int_equal(n, 0);
}

/* What is cut short, says another size, or is for another node is libfuse's. */
static void other_requests_are_left_to_libfuse(void **state)
{
    struct fixture *f = *state;
    const struct fuse_write_in w = {.size = 4096};
    struct fuse_request r;

    send_request(f, FUSE_READ, NULL, 0, 0);
    send_request(f, FUSE_WRITE, NULL, 0, 0);
    send_request(f, FUSE_WRITE, &w, sizeof w, 512);
    send_request(f, FUSE_GETATTR, NULL, 0, 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(fuse_fast_serve(f->disk, NODE, &f->queue, &r), 0);
        fuse_queue_recycle(&f->queue, &r);
    }
    send_read(f);
    assert_int_equal(fuse_fast_serve(f->disk, NODE + 1, &f->queue, &r), 0);
    fuse_queue_recycle(&f->queue, &r);
    expect_answer(f, 0);
    expect_log(f, "");
}

static void the_end_of_the_connection_is_reported(void **state)
{
    struct fixture *f = *state;
    struct fuse_request r;

    send_write(f);
    shutdown(f->kernel, SHUT_RDWR);
    assert_true(fuse_fast_serve(f->disk, NODE, &f->queue, &r) < 0);
}

#define FUSE_TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FUSE_TEST(a_flush_covers_a_write_that_had_completed),
        FUSE_TEST(a_flush_does_not_cover_what_was_in_flight),
        FUSE_TEST(nothing_else_leaves_its_turn),
        FUSE_TEST(a_discard_is_a_write),
        FUSE_TEST(without_a_recording_all_keep_their_turn),
        FUSE_TEST(answers_hold_what_was_asked_for),
        FUSE_TEST(other_requests_are_left_to_libfuse),
        FUSE_TEST(the_end_of_the_connection_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
