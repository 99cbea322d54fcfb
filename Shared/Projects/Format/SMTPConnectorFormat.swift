import Sequences

extension ProjectReader {
    /// Reads the members of a connector of type `smtp`.
    func readSMTPConnector(_ members: inout SourceMembers) -> SMTPConnector? {
        let host = members.host(required: "where the mail server answers, like mail.example.com")
        let security = members.security()
        let startsTLS = members.flag("startTLS", default: security.mode != .none)
        if startsTLS, security.mode == .none {
            problems.report("'startTLS' and tls: none exclude each other", at: members.position(of: "startTLS"))
        }
        let port = members.integer(
            "port",
            in: 1...65_535,
            default: startsTLS ? 587 : security.mode == .none ? 25 : 465
        )
        let account = readMailAccount(&members)
        if account != nil, security.mode == .none {
            problems.report(
                "a password is not sent without TLS",
                at: members.position(of: "authentication"),
                suggestion: "leave out tls: none"
            )
        }
        let sender = readSender(&members)
        let timeout = members.duration(
            "timeout",
            atMost: SMTPConnector.longestTimeout,
            default: SMTPConnector.defaultTimeout
        )
        let mailLimit = members.integer(
            "mailLimit",
            in: 1...SMTPConnector.largestMailLimit,
            default: SMTPConnector.defaultMailLimit
        )
        let concurrency = members.integer("concurrency", in: 1...100, default: SMTPConnector.defaultConcurrency)
        let addresses = members.addresses()
        return host.map {
            SMTPConnector(
                host: $0,
                port: port,
                security: security,
                startsTLS: startsTLS,
                account: account,
                sender: sender,
                timeout: timeout,
                mailLimit: mailLimit,
                concurrency: concurrency,
                addresses: addresses
            )
        }
    }

    private func readMailAccount(_ members: inout SourceMembers) -> SMTPAccount? {
        guard let member = members.take("authentication"), !member.node.isNull,
            var reader = SourceMembers(member.node, subject: "'authentication'", problems: problems)
        else { return nil }
        let user = reader.text("user", required: "the name at the mail server")
        let password = readSecret("password", required: "the password, from a secret symbol", &reader)
        reader.finish()
        guard let user, let password else { return nil }
        return SMTPAccount(user: user, password: password)
    }

    private func readSender(_ members: inout SourceMembers) -> MailAddress? {
        guard let text = members.text("from") else { return nil }
        guard let sender = MailAddress(text) else {
            problems.report(
                "'from' must be an address, like shop@example.com or Shop <shop@example.com>",
                at: members.position(of: "from")
            )
            return nil
        }
        return sender
    }
}
