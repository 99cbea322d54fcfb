import Hummingbird
import NIOCore

/// What is known of a request before its headers are read.
struct EndpointContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The connection that it came by.
    let channel: any Channel
    /// The other end of the connection; nil where it has no address.
    var peer: String? { channel.remoteAddress?.ipAddress }

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}
