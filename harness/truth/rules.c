/* The table of rules as data: see rules.h. */
#include "truth/rules.h"

#include <strings.h>

enum { NOT_JUDGED, JUDGED };

#define RULE_INFO(code, name, breach_of, is_judged, text, from)                                                                  \
    [RULE_##code] = {.id = (name), .breach = BREACH_##breach_of, .judged = (is_judged), .sentence = (text), .source = (from)},
const struct rule_info rule_table[RULES] = {RULE_TABLE(RULE_INFO)};

const char *const breach_names[BREACHES] = {
    [BREACH_VIOLATION] = "violation",
    [BREACH_SURPRISE] = "surprise",
    [BREACH_EITHER] = "violation or surprise",
    [BREACH_NONE] = "permission",
};

enum rule rule_parse(const char *id)
{
    for (unsigned r = 0; r < RULES; r++)
        if (strcasecmp(rule_table[r].id, id) == 0)
            return (enum rule)r;
    return RULES;
}
