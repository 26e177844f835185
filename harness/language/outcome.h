/* Outcomes of a step by name: "ok", errno names and signal names, as behind `->` and in reports. */
#ifndef TORNPAGE_LANGUAGE_OUTCOME_H
#define TORNPAGE_LANGUAGE_OUTCOME_H

#include <stddef.h>
#include <stdint.h>

/* Code as in struct expect: 0 for "ok", an errno > 0, a signal as -signo. Returns 0 or -EINVAL for an unknown name. */
int outcome_parse(const char *text, size_t len_bytes, int16_t *ret);
/* The i-th word that names an outcome; NULL: there are no more. */
const char *outcome_word(size_t i);
/* The name of a code; NULL when it has none here. */
const char *outcome_name(int code);

#endif
