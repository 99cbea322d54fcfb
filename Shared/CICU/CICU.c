#include "CICU.h"

#ifdef __APPLE__
/* Apple's systems have ICU (libicucore) and not its headers; these are the parts of `ucol.h` that are used here. */
typedef struct UCollator UCollator;
typedef uint16_t UChar;
typedef int32_t UErrorCode;
typedef uint8_t UVersionInfo[4];
#define U_ZERO_ERROR 0
#define U_FAILURE(status) ((status) > 0)
UCollator *ucol_open(const char *locale, UErrorCode *status);
void ucol_close(UCollator *collator);
int32_t ucol_getSortKey(const UCollator *collator, const UChar *text, int32_t length, uint8_t *key, int32_t capacity);
int ucol_strcoll(const UCollator *collator, const UChar *lhs, int32_t lhs_length, const UChar *rhs, int32_t rhs_length);
void ucol_getVersion(const UCollator *collator, UVersionInfo version);
#else
#include <unicode/ucol.h>
#endif

fullsync_collator *fullsync_collator_open(void) {
    UErrorCode status = U_ZERO_ERROR;
    UCollator *collator = ucol_open("", &status);
    if (U_FAILURE(status)) {
        ucol_close(collator);
        return NULL;
    }
    return (fullsync_collator *)collator;
}

void fullsync_collator_close(fullsync_collator *collator) {
    ucol_close((UCollator *)collator);
}

int32_t fullsync_collator_sort_key(
    const fullsync_collator *collator, const uint16_t *text, int32_t length, uint8_t *key, int32_t capacity
) {
    return ucol_getSortKey((const UCollator *)collator, (const UChar *)text, length, key, capacity);
}

int fullsync_collator_compare(
    const fullsync_collator *collator, const uint16_t *lhs, int32_t lhs_length, const uint16_t *rhs, int32_t rhs_length
) {
    return ucol_strcoll((const UCollator *)collator, (const UChar *)lhs, lhs_length, (const UChar *)rhs, rhs_length);
}

uint32_t fullsync_collator_version(const fullsync_collator *collator) {
    UVersionInfo version;
    ucol_getVersion((const UCollator *)collator, version);
    return (uint32_t)version[0] << 24 | (uint32_t)version[1] << 16 | (uint32_t)version[2] << 8 | version[3];
}
