/* Findings: what is saved is what is loaded, and a file that is damaged in any way is refused with file and cause. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/size.h"
#include "finding/finding_file.h"
#include "host/run_directory.h"
#include "parser/parser.h"

enum { IMAGE_BLOCKS = 1000, DAMAGES = 4000 };

static const char scenario[] = "test: a store that was synced stays\n"
                               "origin: unit test\n"
                               "crash: kill power\n"
                               "\n"
                               "A: open -f f\n"
                               "A: truncate 8k\n"
                               "A: mmap -rw 0 8k\n"
                               "---\n"
                               "A: mwrite 0 4k\n"
                               "A: msync -s 0 4k\n";

struct fixture {
    char dir[64];
    struct plan *plan;
    struct backend_config config;
    struct history *history;
    struct verify_result verdict;
    struct finding finding;
    char *path; /* of the saved finding */
};

static int make_image(void)
{
    uint8_t block[BLOCK_BYTES];
    struct rng r;
    int fd = memfd_create("image", MFD_CLOEXEC);

    rng_seed(&r, 7);
    assert_int_equal(ftruncate(fd, IMAGE_BLOCKS * BLOCK_BYTES), 0);
    for (off_t i = 0; i < IMAGE_BLOCKS; i++) {
        if (i % 10 > 2) /* runs of three blocks */
            continue;
        for (size_t k = 0; k < BLOCK_BYTES; k++)
            block[k] = (uint8_t)rng_next(&r);
        assert_int_equal(pwrite(fd, block, BLOCK_BYTES, i * BLOCK_BYTES), BLOCK_BYTES);
    }
    memset(block, 0, sizeof block);
    assert_int_equal(pwrite(fd, block, BLOCK_BYTES, 5 * BLOCK_BYTES), BLOCK_BYTES); /* data, but zeros */
    return fd;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error err = {0};

    snprintf(f->dir, sizeof f->dir, "%s/tornpage-finding-XXXXXX", P_tmpdir);
    if (!mkdtemp(f->dir))
        return -1;
    if (plan_parse("test.scn", "unit/kept", scenario, sizeof scenario - 1, &f->plan, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(backend_config_parse("loop:fs=xfs,mount=noatime+discard", &f->config, &err), 0);
    f->history = history_init(malloc(history_bytes(16, 4096)), 16, 4096, UINT64_C(0xfedcba9876543210));
    for (uint32_t i = 0; i < f->plan->n_steps; i++) {
        struct event *e = history_begin(f->history, i, f->plan->steps[i].lane, NULL);
        e->ino = UINT64_C(0x123456789abcdef);
        if (i == 3)
            memcpy(history_data_new(f->history, e, 10), "0123456789", 10);
        if (i + 1 < f->plan->n_steps) /* the last one never ended */
            history_end(f->history, e, NULL);
    }
    history_end(f->history, history_begin(f->history, HISTORY_STEP_UNMOUNT, HISTORY_LANE_HARNESS, NULL), NULL);
    f->verdict.n_defects = f->verdict.n_violations = 1;
    f->verdict.defects[0] = (struct defect_report){
        .kind = DEFECT_LOST, .rule = RULE_C1, .path = "f", .off = 4096, .len = 8, .step = 3, .text = "gone"};
    f->finding = (struct finding){.plan = f->plan,
                                  .config = &f->config,
                                  .strike = STRIKE_POWER,
                                  .seed = UINT64_C(0xffffffffffffff01),
                                  .history = f->history,
                                  .pos = 42,
                                  .kill = {.kind = KILL_INSIDE, .step = 3, .bytes = 8, .spins = 9},
                                  .state_text = "cut at 17",
                                  .image_fd = make_image(),
                                  .verdict = &f->verdict};
    if (finding_save(&f->finding, f->dir, &f->path, &err) < 0)
        fail_msg("%s", err.msg);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    struct error err;
    int rc = run_directory_remove(f->dir, &err);

    close(f->finding.image_fd);
    plan_free(f->plan);
    backend_config_free(&f->config);
    free(f->history);
    free(f->path);
    free(f);
    return rc;
}

static void loads_what_was_saved(void **state)
{
    const struct fixture *f = *state;
    struct finding_file g;
    struct error err;
    uint8_t a[BLOCK_BYTES], b[BLOCK_BYTES];

    assert_int_equal(finding_load(f->path, false, &g, &err), 0);
    assert_true(plan_equal(g.plan, f->plan));
    assert_string_equal(g.plan->name, "unit/kept");
    assert_string_equal(g.config.spec, f->config.spec);
    assert_int_equal(g.strike, STRIKE_POWER);
    assert_true(g.seed == f->finding.seed && g.pos == 42 && g.history->key == f->history->key);
    assert_memory_equal(&g.kill, &f->finding.kill, sizeof g.kill);
    assert_string_equal(g.state_text, "cut at 17");
    assert_int_equal(g.defect_kinds, 1U << DEFECT_LOST);
    assert_int_equal(g.history->n_events, f->history->n_events);
    assert_memory_equal(g.history->events, f->history->events, g.history->n_events * sizeof(struct event));
    assert_memory_equal(history_data(g.history, &g.history->events[3]), "0123456789", 10);
    struct stat st;
    assert_int_equal(fstat(g.image_fd, &st), 0);
    assert_int_equal(st.st_size, IMAGE_BLOCKS * BLOCK_BYTES);
    for (off_t i = 0; i < IMAGE_BLOCKS; i++) {
        assert_int_equal(pread(g.image_fd, a, BLOCK_BYTES, i * BLOCK_BYTES), BLOCK_BYTES);
        assert_int_equal(pread(f->finding.image_fd, b, BLOCK_BYTES, i * BLOCK_BYTES), BLOCK_BYTES);
        assert_memory_equal(a, b, BLOCK_BYTES);
    }
    finding_file_free(&g);
}

static void a_finding_without_image_or_text(void **state)
{
    struct fixture *f = *state;
    struct finding_file g;
    struct error err;
    char *path, *text = f->plan->text;

    f->finding.image_fd = -1;
    f->plan->text = NULL; /* as random plans */
    assert_int_equal(finding_save(&f->finding, f->dir, &path, &err), 0);
    f->plan->text = text;
    assert_int_equal(finding_load(path, false, &g, &err), 0);
    assert_int_equal(g.image_fd, -1);
    assert_true(plan_equal(g.plan, f->plan));
    finding_file_free(&g);
    free(path);
    f->finding.image_fd = make_image();
}

static void the_same_finding_has_the_same_name_and_others_never(void **state)
{
    struct fixture *f = *state;
    struct error err;
    char *again, *other;

    assert_int_equal(finding_save(&f->finding, f->dir, &again, &err), 0);
    assert_string_equal(again, f->path);
    f->finding.pos++;
    assert_int_equal(finding_save(&f->finding, f->dir, &other, &err), 0);
    assert_string_not_equal(other, f->path);
    assert_int_equal(access(f->path, F_OK), 0);
    free(again);
    free(other);
}

static char *slurp(const char *path, size_t *ret_len)
{
    FILE *in = fopen(path, "r");
    struct buf b = {0};
    char chunk[4096];

    assert_non_null(in);
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, in)) > 0;)
        buf_add(&b, chunk, n);
    fclose(in);
    *ret_len = b.len_bytes;
    return b.data;
}

static int load_text(const char *text, size_t len, struct error *err)
{
    char path[64];
    struct finding_file g;
    int fd = memfd_create("damaged", MFD_CLOEXEC);

    assert_int_equal(pwrite(fd, text, len, 0), (ssize_t)len);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    memset(err, 0, sizeof *err);
    int rc = finding_load(path, false, &g, err);
    close(fd);
    if (rc == 0)
        finding_file_free(&g);
    else /* the file is named, in the path or where a scenario's errors name it */
        assert_true(rc == -EINVAL && *err->msg && (*err->path || strstr(err->msg, path)));
    return rc;
}

/* The text with `from` replaced by `to` must be refused. */
static void refused(const struct fixture *f, const char *from, const char *to)
{
    size_t len;
    char *text = slurp(f->path, &len), *at = strstr(text, from);
    struct buf b = {0};
    struct error err;

    if (!at)
        fail_msg("no %s in the file", from);
    buf_add(&b, text, (size_t)(at - text));
    buf_puts(&b, to);
    buf_puts(&b, at + strlen(from));
    if (load_text(b.data, b.len_bytes, &err) != -EINVAL)
        fail_msg("accepted with %s for %s", to, from);
    buf_free(&b);
    free(text);
}

static void refuses_what_is_wrong(void **state)
{
    static const char *const wrong[][2] = {
        {"\"tornpage_finding\": 2", "\"tornpage_finding\": 1"},
        {"\"tornpage_finding\": 2", "\"other\": 1"},
        {"\"backend\": \"loop", "\"backend\": \"pool"},
        {"fs=xfs", "ft=xfs"},
        {"\"crash\": \"power\"", "\"crash\": \"flood\""},
        {"\"seed\": \"0x", "\"seed\": \"0y"},
        {"\"position\": \"0x2a\"", "\"position\": 42"},
        {"A: mwrite", "A: nwrite"},
        {"\"step\": 3,\n  \"bytes\"", "\"step\": 5,\n  \"bytes\""},
        {"\"kind\": 3", "\"kind\": 9"},
        {" 255 ", " 0 "},
        {"\"3 0 ", "\"5 0 "},
        {"\"3 0 ", "\"3 1 "},
        {"\"3 0 ", "\"3 "},
        {"\"3 0 ", "\"3 0 x"},
        {" 0 10\"", " 1 10\""},
        {" 0 10\"", " 18446744073709551615 11\""},
        {"\"size\": 4096000", "\"size\": 4096001"},
        {"\"size\": 4096000", "\"size\": 40960"},
        {"\"size\": 4096000", "\"size\": 33558528"}, /* a block more than a volume */
        {"fs=xfs", "mkfs=-f"},                       /* of ext4, which has no such option */
        {"fs=xfs", "mkfs=/dev/null"},
        {"\"bytes\": 1228800", "\"bytes\": 1228801"},
        {"\"bytes\": 1228800", "\"bytes\": 99999999999999"},
        {"\"events\"", "\"evens\""},
        {"\"text\": \"test", "\"next\": \"test"},
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refused(*state, wrong[i][0], wrong[i][1]);
}

/* Bytes changed, cut and doubled at random: it loads, or it is refused; never anything else. */
static void survives_random_damage(void **state)
{
    const struct fixture *f = *state;
    struct error err;
    struct rng r;
    size_t len, refusals = 0;

    ((struct fixture *)*state)->finding.image_fd = -1; /* a small file: damage hits more than the image */
    char *path;
    assert_int_equal(finding_save(&f->finding, f->dir, &path, &err), 0);
    char *text = slurp(path, &len);
    rng_seed(&r, 3);
    for (size_t i = 0; i < DAMAGES; i++) {
        char *copy = malloc(len + 1);
        size_t n = rng_one_in(&r, 4) ? rng_below(&r, len) : len;
        memcpy(copy, text, len);
        for (uint64_t k = rng_below(&r, 4) + (n == len); k > 0; k--)
            copy[rng_below(&r, n ? n : 1)] = rng_one_in(&r, 2) ? "0123456789-\"{}[], "[rng_below(&r, 18)] : (char)rng_next(&r);
        refusals += load_text(copy, n, &err) < 0;
        free(copy);
    }
    assert_true(refusals > DAMAGES / 2);
    free(text);
    free(path);
    ((struct fixture *)*state)->finding.image_fd = make_image();
}

static void refuses_what_is_no_file(void **state)
{
    const struct fixture *f = *state;
    struct finding_file g;
    struct error err;

    assert_int_equal(finding_load(f->dir, false, &g, &err), -EINVAL);
    assert_int_equal(finding_load("/nonexistent/finding", false, &g, &err), -ENOENT);
    assert_int_equal(finding_load("/dev/null", false, &g, &err), -EINVAL);
    assert_int_equal(load_text("", 0, &err), -EINVAL);
    assert_int_equal(load_text("\0\0\0", 3, &err), -EINVAL);
    assert_int_equal(load_text("[]", 2, &err), -EINVAL);
    assert_int_equal(load_text("{}", 2, &err), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(loads_what_was_saved, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_finding_without_image_or_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_finding_has_the_same_name_and_others_never, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_is_wrong, set_up, tear_down),
        cmocka_unit_test_setup_teardown(survives_random_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_file, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
