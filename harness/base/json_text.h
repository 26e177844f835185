/*
 * Text as JSON. Paths, messages and file names may hold any bytes, but a JSON string holds only UTF-8. So there are two forms:
 * one keeps every byte, for what tornpage reads back; the other is always a string, for what people and other programs read.
 */
#ifndef TORNPAGE_BASE_JSON_TEXT_H
#define TORNPAGE_BASE_JSON_TEXT_H

#include <jansson.h>

enum { JSON_TEXT_MOST_BYTES = 1 << 24 }; /* of text that is not UTF-8; more is refused */

/* A string, or what json_bytes_encode makes of text that is not UTF-8. NULL when memory is out. */
json_t *json_text_exact(const char *text);
/* The text that json_text_exact wrote, the caller's to free; NULL when `j` is nothing of the kind. */
char *json_text_exact_decode(const json_t *j);
/* A string; what it cannot hold becomes '?' (utf8_clean). NULL stands for "". */
json_t *json_text_clean(const char *text);

#endif
