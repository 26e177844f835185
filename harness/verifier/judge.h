/* Private to this room. What the verifier's files share. */
#ifndef TORNPAGE_VERIFIER_JUDGE_H
#define TORNPAGE_VERIFIER_JUDGE_H

#include "evidence/survivors.h"
#include "truth/oracle.h"
#include "verifier/verify.h"

/* Memory one verification uses; kept inside a verifier call. */
struct judge {
    const struct world *w;
    struct moment m;
    struct verify_result *ret; /* where it reports defects; NULL: this judge only decides. Never changed */
    struct legal_map map;
    uint8_t *marks; /* by version of the current inode: SEEN, MISSED, OTHER */
    size_t cap_marks;
};

struct file_judgement {
    bool ok, lossy;
    bool surprising; /* bytes that practice promised are not there */
    unsigned sights;
};

/* The bytes to judge: what a read returned, or a survivor's extents. */
struct seen_bytes {
    const char *path;
    const struct extent *extents;
    size_t n_extents;
    uint64_t off, end; /* only these are judged */
    bool live_read;    /* a step's own read: wrong bytes are an incoherence, */
    bool is_private;   /*   of a private mapping */
    int32_t reader;    /* event that read; NO_EVENT: after the crash */
};

/* Compares bytes with j->map (filled by oracle_bytes for `inode`). */
void judge_bytes(struct judge *j, int inode, const struct seen_bytes *seen, struct file_judgement *fj);
/* Size and bytes of one file. */
void judge_file(struct judge *j, int inode, const struct survivor *s, struct file_judgement *fj);
void judge_free(struct judge *j);

/* ---- report.c ---- */

/* Counts a defect and returns where to describe it, until the next one; NULL when nothing is to be reported. */
struct defect_report *defect_new(struct judge *j, enum defect kind, enum rule rule, const char *path, bool surprise);
/* Notes the form of the violation that defect_new returned last; once a call of the verifier ends. */
void form_note(const struct world *w, struct verify_result *r);
/* Appends to the report's text; ignores NULL. */
void defect_say(struct defect_report *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "step 4 `mwrite 0 4k` (line 11)", "the unmount", "the end of set-up". */
const char *event_words(const struct world *w, int32_t event, char buf[static 160]);
/* "zeros (nothing written yet)", "the bytes of step 4 `mwrite 0 4k` (line 11)". */
const char *version_words(const struct world *w, const struct version *v, char buf[static 224]);
int32_t event_step(const struct world *w, int32_t event);

/* ---- content.c, classify.c ---- */

/* What the wrong byte at x is; data points at byte `base` of the file and holds n bytes (NULL: zeros). Describes it in d (may be
 * NULL). */
enum defect classify(const struct judge *j, int inode, const struct segment *seg, uint64_t x, const uint8_t *data, uint64_t base,
                     uint64_t n, char text[static 320]);
/* How many bytes of data (NULL: zeros) from file offset off on equal this content. */
uint64_t content_match(const struct world *w, const struct content *c, uint64_t off, const uint8_t *data, uint64_t len);

#endif
