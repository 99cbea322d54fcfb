#ifndef FULLSYNC_CICU_H
#define FULLSYNC_CICU_H

#include <stdint.h>

/* ICU's own headers stay out of here: Foundation brings another version of them along, and a program that sees both
   has two definitions of each type. */

/* ICU's `UCollator`. */
typedef struct fullsync_collator fullsync_collator;

/* The collator of the root locale; NULL when ICU's data are missing. */
fullsync_collator *fullsync_collator_open(void);

void fullsync_collator_close(fullsync_collator *collator);

/* How many bytes the sort key of the UTF-16 has, with the 0 at its end; those that fit are written. */
int32_t fullsync_collator_sort_key(
    const fullsync_collator *collator, const uint16_t *text, int32_t length, uint8_t *key, int32_t capacity
);

/* -1, 0 or 1. */
int fullsync_collator_compare(
    const fullsync_collator *collator, const uint16_t *lhs, int32_t lhs_length, const uint16_t *rhs, int32_t rhs_length
);

/* Changes with everything that can change a sort key. */
uint32_t fullsync_collator_version(const fullsync_collator *collator);

#endif
