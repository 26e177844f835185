/* A result as JSON: how workers hand it to the campaign. */
#ifndef TORNPAGE_RESULT_RESULT_JSON_H
#define TORNPAGE_RESULT_RESULT_JSON_H

#include <jansson.h>

#include "result/result.h"

json_t *result_to_json(const struct result *r);
/* 0, or -EINVAL when it is not a result; *ret is then empty. */
int result_from_json(const json_t *j, struct result *ret);

#endif
