/// Where a server of a directory is, and how the way there is secured.
package struct LDAPServer: Sendable {
    /// How a connection is secured.
    package enum Security: Hashable, Sendable {
        /// In the clear.
        case none
        /// TLS from the first byte (`ldaps`).
        case tls
        /// TLS from within the protocol (RFC 4511, section 4.14), before anything else is said.
        case startTLS
    }

    /// A name or an address.
    package var host: String
    package var port: Int
    package var security: Security
    /// Whether the server must prove its name.
    package var verifies: Bool
    /// A file of the authorities that may vouch for it, as PEM.
    package var authorityFile: String?

    /// How many addresses the name stands for: the time to connect is shared among them.
    package var addressCount = 1
    /// Whether an address, as 4 or 16 bytes, may be reached: asked at each connection, before anything is said.
    package var allows: @Sendable ([UInt8]) -> Bool = { _ in true }
    /// The most bytes of one message of the directory, which is an entry of an answer.
    package var maximumMessage = 64 << 20

    package init(host: String, port: Int, security: Security, verifies: Bool, authorityFile: String?) {
        self.host = host
        self.port = port
        self.security = security
        self.verifies = verifies
        self.authorityFile = authorityFile
    }

    /// The address that `ldap_initialize` takes.
    var url: String {
        "\(security == .tls ? "ldaps" : "ldap")://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }
}

/// What is looked for.
package struct LDAPSearch: Hashable, Sendable {
    /// How far below the base (RFC 4511, section 4.5.1.2).
    package enum Scope: Hashable, Sendable {
        case base
        case one
        case subtree
    }

    package var base: String
    package var scope: Scope
    /// RFC 4515; the values in it are escaped.
    package var filter: String
    /// The attributes that are wanted; all of the user's when empty.
    package var attributes: [String]
    /// The most entries; one more is an error.
    package var maximumEntries: Int
    /// The most bytes of values.
    package var maximumBytes: Int

    package init(
        base: String,
        scope: Scope,
        filter: String,
        attributes: [String],
        maximumEntries: Int,
        maximumBytes: Int
    ) {
        self.base = base
        self.scope = scope
        self.filter = filter
        self.attributes = attributes
        self.maximumEntries = maximumEntries
        self.maximumBytes = maximumBytes
    }
}

/// An entry of a directory.
package struct LDAPEntry: Hashable, Sendable {
    package let dn: String
    /// The attributes in the directory's order, each with its values as bytes.
    package let attributes: [(name: String, values: [[UInt8]])]

    package static func == (left: LDAPEntry, right: LDAPEntry) -> Bool {
        left.dn == right.dn
            && left.attributes.elementsEqual(right.attributes) { $0.name == $1.name && $0.values == $1.values }
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(dn)
    }
}
