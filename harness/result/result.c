/* Verdict names; freeing a result: see result.h. */
#include "result/result.h"

#include <stdlib.h>

const char *const verdict_names[VERDICT_KINDS] = {"kept", "lossy", "violated", "broken", "skipped"};

void result_free(struct result *r)
{
    free(r->scenario);
    free(r->backend);
    free(r->reason);
    free(r->details);
    for (size_t i = 0; i < r->n_findings; i++)
        free(r->findings[i]);
    free(r->findings);
    free(r->epochs);
    *r = (struct result){0};
}
