/*
 * Malformed scenarios, one kind each: every one is refused with its place, what was found and what was expected. And no bytes
 * whatever break the parser.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/rng.h"
#include "language/plan.h"
#include "parser/parser.h"

#define H "test: t\norigin: o\ncrash: none\n" /* three good lines: the steps begin on line 4 */
#define F H "open -f f\n"                     /* a descriptor: go on on line 5 */
#define M F "mmap 0 4k\n"                     /* a mapping: go on on line 6 */

static const struct malformed {
    const char *kind, *text;
    unsigned line, column;
    const char *part; /* of the message */
} table[] = {
    /* the file as a whole */
    {"empty file", "", 1, 1, "found an empty file, expected header 'test:'"},
    {"only blank lines", "\n \n", 3, 1, "end of the file, expected header 'test:'"},
    {"only comments", "# test: t\n", 2, 1, "end of the file, expected header 'test:'"},
    {"carriage return", "test: t\r\n", 1, 8, "carriage return"},
    {"control byte", "test: a\001b\n", 1, 8, "control byte 0x01"},
    {"delete byte", "test: a\177b\n", 1, 8, "control byte 0x7f"},
    {"stray continuation byte", "test: t\norigin: \200\n", 2, 9, "byte 0x80 that is not UTF-8"},
    {"cut UTF-8 sequence", "test: \xe2\x82\n", 1, 7, "byte 0xe2 that is not UTF-8"},
    {"over-long UTF-8", "test: \xc0\xaf\n", 1, 7, "byte 0xc0 that is not UTF-8"},
    {"over-long UTF-8 of three", "test: \xe0\x80\xaf\n", 1, 7, "byte 0xe0 that is not UTF-8"},
    {"over-long UTF-8 of four", "test: \xf0\x80\x80\xaf\n", 1, 7, "byte 0xf0 that is not UTF-8"},
    {"UTF-8 beyond Unicode", "test: \xf4\x90\x80\x80\n", 1, 7, "byte 0xf4 that is not UTF-8"},
    {"UTF-8 surrogate", "test: \xed\xa0\x80\n", 1, 7, "byte 0xed that is not UTF-8"},
    {"byte order mark", "\xef\xbb\xbftest: t\n", 1, 1, "expected a header"},
    /* headers */
    {"missing test", "origin: o\ncrash: none\nsync\n", 3, 1, "found a step, expected header 'test:'"},
    {"missing origin", "test: t\ncrash: none\nsync\n", 3, 1, "expected header 'origin:'"},
    {"missing crash", "test: t\norigin: o\n\n  sync\n", 4, 3, "expected header 'crash:'"},
    {"missing crash at the end", "test: t\norigin: o\n", 3, 1, "found the end of the file, expected header 'crash:'"},
    {"unknown header", "test: t\nauthor: me\n", 2, 1, "found 'author', expected a header"},
    {"header in capitals", "Test: t\n", 1, 1, "found 'Test', expected a header"},
    {"duplicate header", "test: t\n test: u\n", 2, 2, "second header 'test:'"},
    {"header behind a step", F "repeat: 3\n", 5, 1, "header 'repeat:' behind the first step"},
    {"empty test", "test:\n", 1, 6, "found nothing behind 'test:'"},
    {"test only a comment", "test: # nothing\n", 1, 7, "found nothing behind 'test:'"},
    {"empty crash", "test: t\norigin: o\ncrash: \n", 3, 8, "found nothing behind 'crash:'"},
    {"unknown crash kind", "crash: kill fire\n", 1, 13, "found 'fire', expected a crash kind"},
    {"duplicate crash kind", "crash: kill power kill\n", 1, 19, "found 'kill', expected each crash kind once"},
    {"crash kinds with comma", "crash: kill, power\n", 1, 12, "found ',', expected a crash kind"},
    {"bad feature word", "requires: reflink Punch\n", 1, 19, "expected a feature word"},
    {"duplicate feature", "requires: zero zero\n", 1, 16, "each feature once"},
    {"too many features", "requires: a b c d e f g h i\n", 1, 27, "at most 8 features"},
    {"repeat zero", "repeat: 0\n", 1, 9, "found '0', expected a number from 1 to 1000"},
    {"repeat too large", "repeat: 1001\n", 1, 9, "expected a number from 1 to 1000"},
    {"repeat no number", "repeat: often\n", 1, 9, "found 'often', expected a number"},
    {"repeat two numbers", "repeat: 1 2\n", 1, 9, "found '1 2', expected a number"},
    {"sometimes of unknown crash", "sometimes: fire lost\n", 1, 12, "found 'fire', expected a crash kind"},
    {"sometimes without sight", "sometimes: power\n", 1, 17, "found the end of the line, expected what is seen"},
    {"sometimes unknown sight", "sometimes: power gone\n", 1, 18, "found 'gone', expected what is seen"},
    {"sometimes without comma", "sometimes: power lost power kept\n", 1, 23, "found 'power', expected a comma"},
    {"sometimes ends in comma", "sometimes: power lost,\n", 1, 23, "found the end of the line, expected a crash kind"},
    {"sometimes twice the same", "sometimes: power lost, power lost\n", 1, 24, "each pair once"},
    {"sometimes crash not listed", "sometimes: power lost\n" H "sync\n", 1, 12, "found 'power', expected a crash kind that"},
    /* set-up and the order of things */
    {"no steps", H, 4, 1, "found the end of the file, expected a step"},
    {"nothing behind set-up", F "---\n", 6, 1, "expected a step behind '---'"},
    {"set-up without steps", H "---\nsync\n", 4, 1, "expected the steps of the set-up"},
    {"two set-ups", F "---\nsync\n---\nsync\n", 7, 1, "one '---' at most"},
    {"words behind ---", F "--- set-up\nsync\n", 5, 5, "found 'set-up', expected nothing behind '---'"},
    /* lanes */
    {"lane in lower case", F "b: sync\n", 5, 1, "found 'b', expected a lane"},
    {"lane starting with a digit", H "1A: sync\n", 4, 1, "found '1A', expected a lane"},
    {"lane too long", H "ABCDEFGH: sync\n", 4, 1, "found 'ABCDEFGH', expected a lane"},
    {"lane named like a header", H "TEST: sync\n", 4, 1, "found 'TEST', expected a lane"},
    {"lane without name", H ": sync\n", 4, 1, "expected a lane"},
    {"thread without number", H "A.: sync\n", 4, 1, "found 'A.', expected a lane"},
    {"thread with leading zero", H "A.01: sync\n", 4, 1, "found 'A.01', expected a lane"},
    {"thread number too large", H "A.16: sync\n", 4, 1, "found 'A.16', expected a lane"},
    {"lane without step", H "sync\nB:\n", 5, 3, "found the end of the line, expected a verb"},
    {"too many actors", H "A:sync\nB:sync\nC:sync\nD:sync\nE:sync\nF:sync\nG:sync\nH:sync\nI:sync\n", 12, 1,
     "found 'I', expected at most 8 actors"},
    {"too many lanes",
     H "A:sync\nA.1:sync\nA.2:sync\nA.3:sync\nA.4:sync\nA.5:sync\nA.6:sync\nA.7:sync\nA.8:sync\nA.9:sync\nA.10:sync\n"
       "A.11:sync\nA.12:sync\nA.13:sync\nA.14:sync\nA.15:sync\nB:sync\n",
     20, 1, "found 'B', expected at most 8 actors with 16 lanes"},
    /* barriers */
    {"barrier of a single lane", H "sync\nbarrier\n", 5, 8, "found a barrier of one lane"},
    {"barrier naming one lane", H "A: sync\nB: sync\nbarrier B\n", 6, 9, "found a barrier of one lane"},
    {"barrier of an unknown lane", H "A: sync\nB: sync\nbarrier A C\n", 6, 11, "found 'C', expected a lane that has a step"},
    {"barrier of no lane's name", H "A: sync\nB: sync\nbarrier all\n", 6, 9, "found 'all', expected lanes"},
    {"barrier of a lane twice", H "A: sync\nB: sync\nbarrier A A\n", 6, 11, "each lane once"},
    {"barrier with a lane before it", H "A: sync\nB: barrier\n", 5, 4, "expected no lane before it"},
    {"barrier with outcome", H "A: sync\nB: sync\nbarrier -> ok\n", 6, 9, "found '->', expected lanes"},
    /* verbs, flags, arguments */
    {"unknown verb, near one", F "fsink\n", 5, 1,
     "found 'fsink', expected a verb ('tornpage list verbs' shows them); did you mean 'fsync'?"},
    {"unknown verb, near none", H "B: frobnicate\n", 4, 4, "found 'frobnicate', expected a verb ('tornpage list verbs'"},
    {"verb in quotes", H "\"sync\"\n", 4, 1, "expected a verb"},
    {"unknown flag", H "open -fq f\n", 4, 8, "found unknown flag '-q', expected 'open "},
    {"flag of a verb without any", F "fsync -a\n", 5, 8, "found unknown flag '-a', expected 'fsync'"},
    {"flag twice", H "open -f -rf f\n", 4, 11, "found flag '-f' again"},
    {"flag behind arguments", M "mwrite 0 8 -r\n", 6, 12, "found '-r', expected flags as '-x', and before"},
    {"lone dash", H "open - f\n", 4, 6, "found '-', expected flags"},
    {"flag without its value", M "mwrite -S\n", 6, 10, "found the end of the line, expected BYTE of flag '-S'"},
    {"value joined to its flag", M "mwrite -S0x61 0 8\n", 6, 9, "found more flags behind '-S'"},
    {"missing argument", H "open -f\n", 4, 8, "found the end of the line, expected PATH"},
    {"missing second argument", F "pread 0\n", 5, 8, "found the end of the line, expected LENGTH"},
    {"half an optional pair", F "mmap 4k\n", 5, 8, "found the end of the line, expected LENGTH"},
    {"missing argument before outcome", F "pread 0 -> ok\n", 5, 9, "found '->', expected LENGTH"},
    {"too many arguments", F "truncate 4k 8k\n", 5, 13, "found '8k', expected the end of the line"},
    {"argument of a verb without any", F "close f\n", 5, 7, "found 'f', expected the end of the line"},
    /* numbers */
    {"offset no number", M "mread x 8\n", 6, 7, "found 'x', expected OFFSET in bytes"},
    {"unknown suffix", M "mread 4q 8\n", 6, 7, "found '4q', expected OFFSET"},
    {"negative length", M "mread 0 -8\n", 6, 9, "found '-8'"},
    {"leading zero", M "mread 010 8\n", 6, 7, "found '010', expected OFFSET"},
    {"empty hexadecimal number", M "mread 0x 8\n", 6, 7, "found '0x', expected OFFSET"},
    {"number beyond 64 bits", M "mread 99999999999999999999 8\n", 6, 7, "expected OFFSET of at most 1t"},
    {"suffix beyond 64 bits", M "mread 99999999999t 8\n", 6, 7, "expected OFFSET of at most 1t"},
    {"offset beyond a terabyte", M "mread 2t 8\n", 6, 7, "found '2t', expected OFFSET of at most 1t"},
    {"end beyond a terabyte", M "mread 1t 1\n", 6, 10, "found '1', expected OFFSET and LENGTH of at most 1t together"},
    {"end of flags' range beyond", F "copy_range -s 1t -l 1 f\n", 5, 21, "OFFSET and LENGTH of at most 1t together"},
    {"size beyond a terabyte", F "truncate 1025g\n", 5, 10, "found '1025g', expected SIZE of at most 1t"},
    {"length zero", M "mread 0 0\n", 6, 9, "found '0', expected LENGTH of at least 1"},
    {"quoted number", M "mread \"0\" 8\n", 6, 7, "expected OFFSET, which is not quoted"},
    {"byte too large", M "mwrite -S 256 0 8\n", 6, 11, "found '256', expected BYTE, 0 to 255"},
    {"byte of two characters", M "mwrite -S 'ab' 0 8\n", 6, 13, "expected at most 1 byte between"},
    {"byte of no character", M "mwrite -S '' 0 8\n", 6, 11, "expected one byte between the quotes"},
    {"byte in double quotes", M "mwrite -S \"a\" 0 8\n", 6, 11, "expected BYTE, which is not quoted"},
    {"mode not octal", F "chmod 0698 f\n", 5, 7, "found '0698', expected MODE, an octal number"},
    {"mode too large", F "chmod 17777 f\n", 5, 7, "found '17777', expected MODE of at most 07777"},
    /* paths and quotes */
    {"absolute path", H "open /etc/passwd\n", 4, 6, "found '/etc/passwd', expected a path below the run's directory"},
    {"path that leaves", H "open d/../../f\n", 4, 6, "expected a path without '..'"},
    {"dot component", H "open ./f\n", 4, 6, "expected a path without '.' components"},
    {"empty component", H "open d//f\n", 4, 6, "expected a path without empty components"},
    {"path ends in slash", H "mkdir d/\n", 4, 7, "expected a path without empty components"},
    {"odd character in path", H "open a*b\n", 4, 6, "found 'a*b', expected a path of letters, digits"},
    {"path in single quotes", H "open 'f'\n", 4, 6, "expected a path in double quotes or plain"},
    {"empty quoted path", H "open \"\"\n", 4, 6, "expected a path that is not empty"},
    {"quote not closed", H "open \"f\n", 4, 8, "found the end of the line, expected a closing \""},
    {"words behind a quote", H "open \"f\"g\n", 4, 9, "found more text behind a closing \""},
    {"unknown escape", H "open \"a\\qb\"\n", 4, 8, "found an unknown escape"},
    {"escaped NUL", H "open \"a\\x00b\"\n", 4, 8, "found escape \\x00"},
    /* names */
    {"name nobody made", F "fsync @g\n", 5, 7, "found '@g', expected a descriptor that an earlier step of actor A makes"},
    {"name made later", F "fsync @g\nopen -f g\n", 5, 7, "found '@g', expected a descriptor"},
    {"name behind a path", F "B: open f @f\nB: sync\n", 5, 11, "found '@f', expected the end of the line; an '@name' stands"},
    {"name only another actor made", F "B: fsync @f\n", 5, 10,
     "found '@f', expected a descriptor that an earlier step of actor B"},
    {"descriptor where a mapping is due", F "mread @f 0 8\n", 5, 7, "found '@f', expected a mapping, and this names only a desc"},
    {"mapping where a descriptor is due", F "mmap @m 0 4k\nfsync @m\n", 6, 7, "expected a descriptor, and this names only a map"},
    {"no descriptor yet", H "fsync\n", 4, 1, "found 'fsync', expected a step of actor A above it that makes a descriptor"},
    {"no mapping yet", F "mwrite 0 8\n", 5, 1, "found 'mwrite', expected a step of actor A above it that makes a mapping"},
    {"nothing to map", H "mmap 0 4k\n", 4, 1, "found 'mmap', expected a step of actor A above it that makes a descriptor"},
    {"descriptor of another actor only", F "B: fsync\n", 5, 4, "expected a step of actor B above it"},
    {"only a failing step made it", H "open f -> ENOENT\nfsync\n", 5, 1, "expected a step of actor A above it"},
    {"name with a verb that takes none", H "sync @f\n", 4, 6, "found '@f', expected no name: 'sync' takes none"},
    {"name behind the arguments", F "pread 0 @f\n", 5, 9, "found '@f', expected LENGTH; an '@name' stands right behind the verb"},
    {"unknown descriptor in a flag", F "mmap -F g 0 4k\n", 5, 9, "found 'g', expected a descriptor that an earlier step"},
    {"unknown mapping in a flag", F "mmap -O f 0 4k\n", 5, 9, "found 'f', expected a mapping"},
    {"at sign in a flag's name", F "mmap -F @f 0 4k\n", 5, 9, "found '@f', expected the name without '@'"},
    {"name behind a flag", H "open -f @n g\n", 4, 9, "found '@n', expected PATH; an '@name' stands right behind the verb"},
    {"at sign in a number", M "mwrite -S @1 0 8\n", 6, 11, "found '@1', expected BYTE without '@'"},
    {"empty name", F "fsync @\n", 5, 7, "found '@', expected a name"},
    /* outcomes */
    {"no outcome", F "fsync ->\n", 5, 9, "found the end of the line, expected an outcome"},
    {"unknown outcome", F "fsync -> EFOO\n", 5, 10, "found 'EFOO', expected an outcome"},
    {"unknown second outcome", F "fsync -> EIO|eio\n", 5, 14, "found 'eio', expected an outcome"},
    {"empty outcome", F "fsync -> EIO|\n", 5, 14, "found '', expected an outcome"},
    {"outcome twice", F "fsync -> EIO|ok|EIO\n", 5, 17, "found 'EIO', expected each outcome once"},
    {"too many outcomes", F "fsync -> ok|EIO|EACCES|EPERM|ENODEV\n", 5, 30, "found 'ENODEV', expected at most 4 outcomes"},
    {"words behind the outcome", F "fsync -> ok EIO\n", 5, 13, "found 'EIO', expected the end of the line behind"},
    {"expectation twice", F "fsync -> ok -> EIO\n", 5, 13, "found '->', expected the end of the line behind"},
    {"arrow without blank", F "fsync ->ok\n", 5, 7, "found '->ok', expected a blank behind '->'"},
};

/* Parses text that must be refused, and checks where and with what words. */
static void refused(const char *kind, const char *text, size_t len, unsigned line, unsigned column, const char *part)
{
    struct plan *p = NULL;
    struct error err = {0};
    char place[64];

    const int r = plan_parse("s.scn", "s", text, len, &p, &err);
    snprintf(place, sizeof place, "s.scn:%u:%u: found ", line, column);
    if (r != -EINVAL || p || err.code != EINVAL || strncmp(err.msg, place, strlen(place)) || !strstr(err.msg, part) ||
        !strstr(err.msg, ", expected "))
        fail_msg("%s: wanted '%s' with '%s', got %d '%s'", kind, place, part, r, err.msg);
}

static void each_kind_is_refused_at_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        refused(table[i].kind, table[i].text, strlen(table[i].text), table[i].line, table[i].column, table[i].part);
}

static void nul_byte_is_refused(void **state)
{
    static const char text[] = "test: t\nori\0gin: o\n";

    (void)state;
    refused("NUL byte", text, sizeof text - 1, 2, 4, "found a NUL byte");
}

/* H, then n lines of the format, which gets the line's number, then `last`. */
static void refused_many(const char *kind, int n, const char *fmt, const char *last, unsigned line, unsigned column,
                         const char *part)
{
    struct buf text = {0};

    buf_puts(&text, H);
    for (int i = 0; i < n; i++) {
        char one[64];
        size_t len = 0;

        for (const char *f = fmt; *f; f++) {
            if (*f == '#')
                len += (size_t)snprintf(one + len, sizeof one - len, "%d", i);
            else
                one[len++] = *f;
        }
        buf_add(&text, one, len);
    }
    buf_puts(&text, last);
    refused(kind, text.data, text.len_bytes, line, column, part);
    buf_free(&text);
}

static void limits_are_refused_at_their_place(void **state)
{
    (void)state;
    refused_many("too many steps", PLAN_MAX_STEPS, "sync\n", "sync\n", 4 + PLAN_MAX_STEPS, 1, "expected at most 4096");
    refused_many("too many paths", PLAN_MAX_PATHS, "unlink f#\n", "unlink g\n", 4 + PLAN_MAX_PATHS, 8,
                 "found 'g', expected at most 64 paths");
    refused_many("too many names", PLAN_MAX_HANDLES, "open @n# f\n", "open @m f\n", 4 + PLAN_MAX_HANDLES, 6,
                 "found '@m', expected at most 64 names");
}

/* A run of n times c, between `before` and `after`. */
static void refused_long(const char *kind, const char *before, size_t n, const char *after, unsigned line, unsigned column,
                         const char *part)
{
    struct buf text = {0};

    buf_puts(&text, before);
    for (size_t i = 0; i < n; i++)
        buf_add(&text, "x", 1);
    buf_puts(&text, after);
    refused(kind, text.data, text.len_bytes, line, column, part);
    buf_free(&text);
}

static void long_things_are_refused_at_their_place(void **state)
{
    (void)state;
    refused_long("line too long", "test: ", 995, "\n", 1, 1001, "at most 1000 bytes in a line");
    refused_long("path too long", H "open ", 256, "\n", 4, 6, "expected a path of at most 255 bytes");
    refused_long("quoted path too long", H "open \"", 256, "\"\n", 4, 262, "expected at most 255 bytes between");
    refused_long("name too long", F "mmap @", 256, " 0 4k\n", 5, 6, "expected a name of at most 255 bytes");
    refused_long("file too large", "test: t\n", PLAN_MAX_TEXT, "\n", 1, 1, "expected a scenario of at most 1048576");
}

static void long_token_is_shortened_between_characters(void **state)
{
    struct plan *p;
    struct error err;
    static const char text[] = H "open aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa4\xc3\xa4\n";

    (void)state;
    assert_int_equal(plan_parse("s.scn", "s", text, strlen(text), &p, &err), -EINVAL);
    assert_non_null(strstr(err.msg, "found 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...', expected"));
}

/* Whatever the bytes: a plan or a located error, and no crash (run under ASan in the asan variant). */
static void survive(const char *text, size_t len)
{
    struct plan *p = NULL;
    struct error err = {0};
    char *exact = malloc(len ? len : 1); /* so that ASan sees a read beyond it */

    assert_non_null(exact);
    memcpy(exact, text, len);
    if (plan_parse("s.scn", "s", exact, len, &p, &err)) {
        assert_null(p);
        assert_true(!strncmp(err.msg, "s.scn:", 6));
    } else {
        struct buf out = {0};
        plan_print(p, &out);
        buf_free(&out);
        plan_free(p);
    }
    free(exact);
}

static void garbage_never_crashes(void **state)
{
    struct rng r;
    char *bytes = malloc(PLAN_MAX_TEXT);

    (void)state;
    assert_non_null(bytes);
    rng_seed(&r, 9);
    for (size_t i = 0; i < PLAN_MAX_TEXT; i++)
        bytes[i] = (char)rng_next(&r);
    survive(bytes, PLAN_MAX_TEXT);
    for (size_t i = 0; i + 64 < PLAN_MAX_TEXT; i += 64) /* pieces, behind headers so that the steps are reached too */
        survive(bytes + i, rng_below(&r, 64));
    free(bytes);
}

static const char sample[] = "test: t\norigin: o\nrequires: punch\ncrash: none power\nsometimes: power lost, power kept\n"
                             "repeat: 3\n\nA: open @n -fs \"a b\"\nA: mmap @m -rw -F n 0 64k\nB.1: mkdir d\n---\n"
                             "A: mwrite @m -S 'x' 0x10 4k -> ok|SIGBUS # why\nbarrier A B.1\nB.1: rename \"a b\" d/f\n"
                             "A.2: msync -s\nbarrier\nA: chmod 0644 d/f\n";

static void truncated_files_never_crash(void **state)
{
    (void)state;
    struct plan *whole = NULL;
    struct error err;
    assert_int_equal(plan_parse("s.scn", "s", sample, strlen(sample), &whole, &err), 0);
    plan_free(whole);
    for (size_t len = 0; len < sizeof sample; len++)
        survive(sample, len);
}

static void changed_files_never_crash(void **state)
{
    static const char pieces[] = " \n\"'@#:-|\\,>xA0.\t/";
    struct rng r;
    char text[sizeof sample];

    (void)state;
    rng_seed(&r, 10);
    for (int i = 0; i < 20000; i++) {
        memcpy(text, sample, sizeof sample);
        for (uint64_t n = 1 + rng_below(&r, 4); n; n--)
            text[rng_below(&r, sizeof sample - 1)] = pieces[rng_below(&r, sizeof pieces - 1)];
        survive(text, sizeof sample - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_refused_at_its_place),
        cmocka_unit_test(nul_byte_is_refused),
        cmocka_unit_test(limits_are_refused_at_their_place),
        cmocka_unit_test(long_things_are_refused_at_their_place),
        cmocka_unit_test(garbage_never_crashes),
        cmocka_unit_test(truncated_files_never_crash),
        cmocka_unit_test(changed_files_never_crash),
        cmocka_unit_test(long_token_is_shortened_between_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
