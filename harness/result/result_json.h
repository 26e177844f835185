/* A result as JSON, the form in which workers send it to the campaign. Not the form of --json, which is report_json.c's. */
#ifndef TORNPAGE_RESULT_RESULT_JSON_H
#define TORNPAGE_RESULT_RESULT_JSON_H

#include <jansson.h>

#include "result/result.h"

json_t *result_to_json(const struct result *r);
/* One defect, in the form that --json has as well. The caller's to free. */
json_t *result_defect_to_json(const struct result_defect *d);
/* 0, or -EINVAL if j is not a result; *ret is then empty. The caller frees *ret with result_free. */
int result_from_json(const json_t *j, struct result *ret);

#endif
