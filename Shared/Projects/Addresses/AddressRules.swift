/// Which addresses a connector may reach, whatever a name stands for at the moment of the call.
///
/// A project that says nothing reaches the internet and private networks, and neither the machine itself nor what is
/// link-local, which is where clouds keep their metadata. What a project says replaces that.
package struct AddressRules: Sendable, Hashable {
    /// One thing that may be reached.
    package enum Rule: Sendable, Hashable {
        case reach(IPAddress.Reach)
        case network(AddressNetwork)

        /// Reads `public`, `private`, `loopback`, `linkLocal`, an address, or a network like `10.1.0.0/16`.
        package init?(_ text: String) {
            if let reach = IPAddress.Reach(rawValue: text), reach != .none {
                self = .reach(reach)
            } else if let network = AddressNetwork(text) {
                self = .network(network)
            } else {
                return nil
            }
        }
    }

    package var rules: [Rule]

    package init(_ rules: [Rule]) {
        self.rules = rules
    }

    /// The internet and private networks.
    package static let standard = AddressRules([.reach(.public), .reach(.private)])

    /// Whether that address may be reached.
    package func allow(_ address: IPAddress) -> Bool {
        let reach = address.reach
        guard reach != .none else { return false }
        return rules.contains { rule in
            switch rule {
            case .reach(let allowed): allowed == reach
            case .network(let network): network.contains(address)
            }
        }
    }
}
