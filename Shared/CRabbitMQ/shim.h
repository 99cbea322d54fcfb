#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <sys/eventfd.h>

// Swift cannot call variadic functions: the login with the arguments that the PLAIN mechanism takes.
static inline amqp_rpc_reply_t fullsync_amqp_login_plain(amqp_connection_state_t connection, const char *virtual_host,
                                                         int channel_maximum, int frame_maximum, int heartbeat,
                                                         const amqp_table_t *properties, const char *user,
                                                         const char *password) {
    return amqp_login_with_properties(connection, virtual_host, channel_maximum, frame_maximum, heartbeat, properties,
                                      AMQP_SASL_METHOD_PLAIN, user, password);
}

// The flags of eventfd are an enumeration in glibc's headers, which Swift cannot combine.
static inline int fullsync_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
