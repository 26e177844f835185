/* What benches need to begin and to end: a plan, a configuration, and a result that counts. */
#include <assert.h>
#include <errno.h>

#include "backend/config.h"
#include "base/buf.h"
#include "base/error.h"
#include "bench/bench_impl.h"
#include "parser/parser.h"

struct plan *bench_plan(const char *steps)
{
    struct buf text = {0};
    struct plan *p = NULL;

    buf_printf(&text, "test: What a bench does.\norigin: bench\ncrash: none kill power\n%s", steps);
    int rc = plan_parse("bench", "bench", buf_text(&text), text.len_bytes, &p, NULL);
    assert(rc == 0);
    (void)rc;
    buf_free(&text);
    return p;
}

int bench_config(const char *backend, const char *key, const char *value, struct backend_config *ret, struct error *err)
{
    backend_config_begin(ret, backend_find(backend));
    int rc = backend_config_set(ret, key, value, err);

    if (rc == 0)
        rc = backend_config_end(ret, err);
    return rc == 0 ? backend_probe(ret, err) : rc;
}

int bench_check_result(const struct result *r, struct error *err)
{
    if (r->verdict == VERDICT_KEPT || r->verdict == VERDICT_LOSSY)
        return 0;
    return error_set(err, EINVAL, r->scenario, r->backend, "%s: %s", verdict_names[r->verdict], r->reason ? r->reason : "");
}
