import Testing

/// What only the whole system shows: every service as a process, real servers, real HTTP and AMQP.
///
/// One system is shared by all, and some tests kill parts of it: they run one after the other.
@Suite(.serialized) enum SystemTests {}
