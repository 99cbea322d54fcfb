#include <sql.h>
#include <sqlext.h>
#include <sqlucode.h>

// Sums and casts of macros, which Swift does not import.
static const SQLSMALLINT CODBC_C_SBIGINT = SQL_C_SBIGINT;
static const SQLSMALLINT CODBC_C_WCHAR = SQL_C_WCHAR;
static const SQLSMALLINT CODBC_C_CHAR = SQL_C_CHAR;
static const SQLSMALLINT CODBC_C_DOUBLE = SQL_C_DOUBLE;
static const SQLSMALLINT CODBC_C_BINARY = SQL_C_BINARY;
static const SQLSMALLINT CODBC_C_BIT = SQL_C_BIT;
static const SQLSMALLINT CODBC_C_TYPE_TIMESTAMP = SQL_C_TYPE_TIMESTAMP;
static const SQLSMALLINT CODBC_C_TYPE_DATE = SQL_C_TYPE_DATE;
static const SQLLEN CODBC_NULL_DATA = SQL_NULL_DATA;
static const SQLLEN CODBC_NO_TOTAL = SQL_NO_TOTAL;
static const SQLSMALLINT CODBC_NTS = SQL_NTS;

// Attributes whose value is a number in the place of a pointer.
static inline SQLRETURN codbc_set_environment_attribute(SQLHENV handle, SQLINTEGER attribute, SQLULEN value) {
    return SQLSetEnvAttr(handle, attribute, (SQLPOINTER)value, 0);
}

static inline SQLRETURN codbc_set_connection_attribute(SQLHDBC handle, SQLINTEGER attribute, SQLULEN value) {
    return SQLSetConnectAttr(handle, attribute, (SQLPOINTER)value, SQL_IS_UINTEGER);
}
