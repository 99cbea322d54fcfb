#include <stdint.h>
#include <unicode/ucol.h>

/* ICU's functions are macros that add the library's version to their names, which Swift does not see. */

/* The collator of the root locale; NULL when ICU's data are missing. */
static inline UCollator *fullsync_collator_open(void) {
    UErrorCode status = U_ZERO_ERROR;
    UCollator *collator = ucol_open("", &status);
    if (U_FAILURE(status)) {
        ucol_close(collator);
        return NULL;
    }
    return collator;
}

static inline void fullsync_collator_close(UCollator *collator) {
    ucol_close(collator);
}

/* How many bytes the sort key has, with the 0 at its end; those that fit are written. */
static inline int32_t fullsync_collator_sort_key(
    const UCollator *collator, const uint16_t *text, int32_t length, uint8_t *key, int32_t capacity
) {
    return ucol_getSortKey(collator, (const UChar *)text, length, key, capacity);
}

/* -1, 0 or 1. */
static inline int fullsync_collator_compare(
    const UCollator *collator, const uint16_t *lhs, int32_t lhs_length, const uint16_t *rhs, int32_t rhs_length
) {
    return ucol_strcoll(collator, (const UChar *)lhs, lhs_length, (const UChar *)rhs, rhs_length);
}

/* Changes with everything that can change a sort key. */
static inline uint32_t fullsync_collator_version(const UCollator *collator) {
    UVersionInfo version;
    ucol_getVersion(collator, version);
    return (uint32_t)version[0] << 24 | (uint32_t)version[1] << 16 | (uint32_t)version[2] << 8 | version[3];
}
