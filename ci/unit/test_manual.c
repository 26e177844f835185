/* Manual pages of made-up commands: what roff would take for its own is quoted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "faces/faces.h"

static const struct face_option options[] = {{"dry-run", 'n', "N", ".SH is no heading here"}, {NULL, 0, NULL, NULL}};
static const struct face_status statuses[] = {{"0", "'tis good"}, {NULL, NULL}};
static const struct face odd = {
    .name = "odd",
    .args = "A\\B...",
    .summary = "One line.",
    .about = ".TH is no title\n'quoted'\n  .kept as it is\n  and this\n\nThe end.",
    .options = options,
    .statuses = statuses,
    .examples = "  tornpage odd 'a\\b' ~x ^y `z`\n",
};
static const struct face *const all[] = {&odd, NULL};

static char *page_of(const struct face *c)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    manual_print(all, c, out);
    fclose(out);
    return text;
}

static void a_line_that_begins_as_a_request_is_text(void **state)
{
    char *page = page_of(&odd);

    (void)state;
    assert_non_null(strstr(page, "\n\\&.SH is no heading here\n"));
    assert_non_null(strstr(page, "\n\\&.TH is no title\n"));
    assert_non_null(strstr(page, "\n\\&\\(aqquoted\\(aq\n"));
    assert_non_null(strstr(page, "\n\\&\\(aqtis good\n"));
    free(page);
}

static void characters_of_roff_are_quoted(void **state)
{
    char *page = page_of(&odd);

    (void)state;
    assert_non_null(strstr(page, "\nA\\eB...\n"));
    assert_non_null(strstr(page, "\\(aqa\\eb\\(aq \\(tix \\(hay \\(gaz\\(ga\n"));
    assert_non_null(strstr(page, "\\fB\\-n\\fR, \\fB\\-\\-dry\\-run\\fR \\fIN\\fR\n"));
    free(page);
}

static void lines_with_a_blank_before_them_are_kept(void **state)
{
    char *page = page_of(&odd);

    (void)state;
    assert_non_null(strstr(page, ".nf\n  .kept as it is\n  and this\n.fi\n"));
    free(page);
}

static void the_page_of_the_program_has_every_command(void **state)
{
    char *page = page_of(NULL);

    (void)state;
    assert_non_null(strstr(page, ".BR tornpage\\-odd (1)\nOne line.\n"));
    assert_non_null(strstr(page, "\\fB0\\fR\n\\&\\(aqtis good\n"));
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_that_begins_as_a_request_is_text),
        cmocka_unit_test(characters_of_roff_are_quoted),
        cmocka_unit_test(lines_with_a_blank_before_them_are_kept),
        cmocka_unit_test(the_page_of_the_program_has_every_command),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
