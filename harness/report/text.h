/* Text for people: wrapping, numbers, quoting, suggestions, and whether a stream is a terminal with colours. */
#ifndef TORNPAGE_REPORT_TEXT_H
#define TORNPAGE_REPORT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct buf;

enum { TEXT_WIDTH = 100 }; /* columns of help texts and tables */

/* Prints `text` wrapped to `width`, and a newline. The cursor is in column `at`; further lines are indented by `indent`. */
void text_wrap(FILE *out, const char *text, unsigned at, unsigned indent, unsigned width);
/* Prints each line of `text` behind `indent` spaces, at most max_lines of them; returns how many lines were left out. */
size_t text_lines(FILE *out, const char *text, unsigned indent, size_t max_lines);
/* Adds `word`, quoted if a shell needs that. */
void text_shell(struct buf *b, const char *word);
/* n with commas between thousands. One of eight static buffers in turn: use it within one printf. */
const char *text_count(uint64_t n);
/* n without commas, rounded if it has more than seven digits: "1.3e+12". Static buffers as text_count. */
const char *text_short(uint64_t n);
/* Seconds as "4.2 s", "3 min 07 s", "2 h 05 min". Static buffers as text_count. */
const char *text_duration(double s);
/* Parses a whole decimal or 0x number in [min, max]; false if `text` is anything else. */
bool text_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret);
/* Parses a positive time: "90", "90s", "1.5m", "2h". False if `text` is anything else. */
bool text_seconds(const char *text, double *ret_s);

/* Adds "; did you mean X?" if an entry is similar, and the list: "; there are: a, b, c". */
void text_choices(struct buf *b, const char *word, const char *const *list);

struct term {
    bool terminal;
    bool colour;    /* a terminal, and neither NO_COLOR nor TERM=dumb is set */
    unsigned width; /* columns: the terminal's, else COLUMNS, else 200 */
};
struct term term_of(FILE *f);

#endif
