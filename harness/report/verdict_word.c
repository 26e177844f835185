/* Verdicts as printed for people: word and terminal colour. See report.h. */
#include "report/report.h"

const char *verdict_word(enum verdict v)
{
    return v == VERDICT_VIOLATED ? "VIOLATED" : verdict_names[v];
}

const char *verdict_colour(enum verdict v, struct term term)
{
    static const char *const colour[VERDICT_KINDS] = {[VERDICT_KEPT] = "\033[32m",
                                                      [VERDICT_LOSSY] = "\033[33m",
                                                      [VERDICT_VIOLATED] = "\033[1;31m",
                                                      [VERDICT_BROKEN] = "\033[1;35m",
                                                      [VERDICT_SKIPPED] = "\033[2m"};

    return term.colour ? colour[v] : "";
}

const char *colour_end(struct term term)
{
    return term.colour ? "\033[0m" : "";
}
