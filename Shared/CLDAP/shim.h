#include <lber.h>
#include <ldap.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

// Casts of macros, which Swift does not import.
static const int CLDAP_RES_SEARCH_ENTRY = (int)LDAP_RES_SEARCH_ENTRY;
static const int CLDAP_RES_SEARCH_RESULT = (int)LDAP_RES_SEARCH_RESULT;
static const int CLDAP_SCOPE_BASE = (int)LDAP_SCOPE_BASE;
static const int CLDAP_SCOPE_ONE = (int)LDAP_SCOPE_ONELEVEL;
static const int CLDAP_SCOPE_SUBTREE = (int)LDAP_SCOPE_SUBTREE;
static const int CLDAP_MSG_ONE = LDAP_MSG_ONE;

// Options whose value is a number, or nothing, in the place of a pointer.
static inline int cldap_set_number(LDAP *session, int option, int value) {
    return ldap_set_option(session, option, &value);
}

static inline int cldap_refuse_referrals(LDAP *session) {
    return ldap_set_option(session, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
}

static inline int cldap_set_time(LDAP *session, int option, long seconds, long microseconds) {
    struct timeval time = {seconds, microseconds};
    return ldap_set_option(session, option, &time);
}

// The library waits for a TLS handshake without a limit, whatever it is told; so its socket is shut down from outside when
// the time is over. The callbacks tell which socket that is, and keep another one from being opened after that, or to an
// address that is not allowed.
typedef int (*cldap_allows)(const void *context, const unsigned char *address, int length);

typedef struct {
    struct ldap_conncb callback;
    pthread_mutex_t lock;
    int descriptor;
    int is_over;
    cldap_allows allows;
    const void *context;
    ber_len_t maximum_message;
} cldap_socket;

// Asks for an address of the internet, as 4 or 16 bytes; another one is none that may be reached.
static inline int cldap_allows_address(const cldap_socket *limit, const struct sockaddr *address) {
    if (address == NULL) return 0;
    const struct sockaddr_in *version4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *version6 = (const struct sockaddr_in6 *)address;
    switch (address->sa_family) {
    case AF_INET: return limit->allows(limit->context, (const unsigned char *)&version4->sin_addr, 4);
    case AF_INET6: return limit->allows(limit->context, (const unsigned char *)&version6->sin6_addr, 16);
    default: return 0;
    }
}

static inline int cldap_socket_opened(LDAP *session, Sockbuf *buffer, LDAPURLDesc *server, struct sockaddr *address,
                                      struct ldap_conncb *callback) {
    cldap_socket *limit = callback->lc_arg;
    if (!cldap_allows_address(limit, address)) return -1;
    // The library else takes in a message of any length before anybody sees a part of it.
    ber_sockbuf_ctrl(buffer, LBER_SB_OPT_SET_MAX_INCOMING, &limit->maximum_message);
    pthread_mutex_lock(&limit->lock);
    ber_sockbuf_ctrl(buffer, LBER_SB_OPT_GET_FD, &limit->descriptor);
    int is_over = limit->is_over;
    pthread_mutex_unlock(&limit->lock);
    return is_over ? -1 : 0;
}

static inline void cldap_socket_closing(LDAP *session, Sockbuf *buffer, struct ldap_conncb *callback) {
    cldap_socket *limit = callback->lc_arg;
    pthread_mutex_lock(&limit->lock);
    limit->descriptor = -1;
    pthread_mutex_unlock(&limit->lock);
}

// Watches the session's socket; to be given to cldap_free_socket after the session's end.
static inline cldap_socket *cldap_watch_socket(LDAP *session, size_t maximum_message, cldap_allows allows,
                                               const void *context) {
    cldap_socket *limit = calloc(1, sizeof(cldap_socket));
    if (limit == NULL) abort();
    pthread_mutex_init(&limit->lock, NULL);
    limit->descriptor = -1;
    limit->allows = allows;
    limit->context = context;
    limit->maximum_message = maximum_message;
    limit->callback.lc_add = cldap_socket_opened;
    limit->callback.lc_del = cldap_socket_closing;
    limit->callback.lc_arg = limit;
    ldap_set_option(session, LDAP_OPT_CONNECT_CB, &limit->callback);
    return limit;
}

// Ends what the session waits for, from any thread.
static inline void cldap_shut_socket(cldap_socket *limit) {
    pthread_mutex_lock(&limit->lock);
    limit->is_over = 1;
    if (limit->descriptor >= 0) shutdown(limit->descriptor, SHUT_RDWR);
    pthread_mutex_unlock(&limit->lock);
}

static inline void cldap_free_socket(cldap_socket *limit) {
    pthread_mutex_destroy(&limit->lock);
    free(limit);
}
