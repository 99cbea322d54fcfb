import JSON
import Sequences

/// How long a connector keeps cookies.
enum CookieKeeping: String, CaseIterable {
    case none
    /// As long as the caller's session, or as the run when there is none.
    case session
}

extension ProjectReader {
    /// Reads `authentication`: one of `basic`, `bearer`, `digest` and `oauth2`.
    func readAuthentication(_ members: inout SourceMembers) -> HTTPAuthentication? {
        guard let member = members.take("authentication"), !member.node.isNull,
            var reader = SourceMembers(member.node, subject: "'authentication'", problems: problems)
        else { return nil }
        let bearer = readSecret("bearer", required: nil, &reader)
        let basic = readUser("basic", &reader)
        let digest = readUser("digest", &reader)
        let oauth2 = readOAuth2(&reader)
        reader.finish()
        let isSafe = bearer?.utf8.allSatisfy { (0x20...0x7E).contains($0) } ?? true
        if !isSafe {
            problems.report(
                "a bearer token may hold printable ASCII characters only",
                at: reader.position(of: "bearer")
            )
        }
        let written = ["basic", "bearer", "digest", "oauth2"].filter(reader.has)
        if written.count > 1 {
            problems.report("'\(written[0])' and '\(written[1])' exclude each other", at: member.node.position)
        }
        if let basic { return .basic(user: basic.user, password: basic.password) }
        if let digest { return .digest(user: digest.user, password: digest.password) }
        return oauth2.map { .oauth2($0) } ?? bearer.map { .bearer($0) }
    }

    private func readUser(_ name: String, _ members: inout SourceMembers) -> (user: String, password: String)? {
        guard let node = members.take(name)?.node,
            var reader = SourceMembers(node, subject: "'\(name)'", problems: problems)
        else { return nil }
        let user = reader.text("user", required: "the user's name")
        let password = readSecret("password", required: "the password, from a secret symbol", &reader)
        reader.finish()
        if let user, user.contains(":") {
            problems.report(
                "a user's name with ':' cannot be sent by \(name == "basic" ? "Basic" : "Digest")",
                at: reader.position(of: "user")
            )
        }
        if let user, user.contains(where: { $0 == "\"" || $0 == "\\" || $0.isNewline }) {
            problems.report("a user's name holds no quotes, backslashes and line ends", at: reader.position(of: "user"))
        }
        guard let user, let password else { return nil }
        return (user, password)
    }

    private func readOAuth2(_ members: inout SourceMembers) -> OAuth2Client? {
        guard let node = members.take("oauth2")?.node,
            var reader = SourceMembers(node, subject: "'oauth2'", problems: problems)
        else { return nil }
        let address = reader.text("tokenUrl", required: "where tokens are given out")
        let id = reader.text("clientId", required: "the client's id")
        let secret = readSecret("clientSecret", required: "the client's secret, from a secret symbol", &reader)
        let scope = reader.text("scope")
        let isInBody = reader.flag("inBody", default: false)
        let parameters = (reader.mapping("parameters") ?? []).compactMap { member -> OAuth2Parameter? in
            guard let value = member.node.string else {
                reader.reportType(of: member.name, expected: "a text", found: member.node)
                return nil
            }
            return OAuth2Parameter(name: member.name, value: value)
        }
        reader.finish()
        guard let address, let id, let secret else { return nil }
        do {
            return OAuth2Client(
                tokenURL: try BaseURL(address),
                id: id,
                secret: secret,
                scope: scope,
                parameters: parameters,
                isInBody: isInBody
            )
        } catch {
            problems.report("the address \(error)", at: reader.position(of: "tokenUrl"))
            return nil
        }
    }

    /// Reads `tls`: the authorities to trust, and the certificate to show.
    func readCertificates(_ members: inout SourceMembers) -> HTTPCertificates? {
        guard let member = members.take("tls"), !member.node.isNull,
            var reader = SourceMembers(member.node, subject: "'tls'", problems: problems)
        else { return nil }
        let authority = reader.pem("certificateAuthority", "CERTIFICATE")
        let chain = reader.pem("certificate", "CERTIFICATE")
        let key = reader.pem("key", "PRIVATE KEY")
        if reader.has("key") { checkSecret(at: reader.position(of: "key"), named: "key") }
        if chain != nil, key == nil { reader.reportMissing("key", expected: "the key to 'certificate'") }
        if key != nil, chain == nil { reader.reportMissing("certificate", expected: "the certificate of 'key'") }
        reader.finish()
        var own: ClientCertificate?
        if let chain, let key { own = ClientCertificate(chain: chain, key: key) }
        return HTTPCertificates(authority: authority, own: own)
    }

    /// Reads `proxy`.
    func readProxy(_ members: inout SourceMembers) -> HTTPProxy? {
        guard let member = members.take("proxy"), !member.node.isNull,
            var reader = SourceMembers(member.node, subject: "'proxy'", problems: problems)
        else { return nil }
        let host = reader.host(required: "the proxy's name or address")
        let port = reader.integer("port", in: 1...65_535, default: 3_128)
        let user = reader.text("user")
        let password = readSecret(
            "password",
            required: user == nil ? nil : "the user's password, from a secret symbol",
            &reader
        )
        if user == nil, password != nil { reader.reportMissing("user", expected: "whose 'password' it is") }
        reader.finish()
        return host.map { HTTPProxy(host: $0, port: port, user: user, password: password) }
    }
}

extension SourceMembers {
    /// Reads certificates or a key.
    fileprivate mutating func pem(_ name: String, _ kind: String) -> String? {
        guard let text = text(name) else { return nil }
        guard text.contains("-----BEGIN "), text.contains("\(kind)-----") else {
            problems.report("'\(name)' must be PEM (-----BEGIN \(kind)-----)", at: position(of: name))
            return nil
        }
        return text
    }

    /// Reads `multipart: {name: text, name: {base64, fileName, contentType}}`.
    mutating func multipartFields() -> [MultipartField] {
        (mapping("multipart") ?? []).compactMap { member in
            if case .scalar(let value) = member.node.content, !value.isNull {
                return MultipartField(
                    name: member.name,
                    content: .text(PlaceholderText(value.stringValue ?? value.text))
                )
            }
            guard var reader = SourceMembers(member.node, subject: "a part", problems: problems) else { return nil }
            let text = reader.text("text")
            let base64 = reader.text("base64")
            let fileName = reader.text("fileName")
            let contentType = reader.text("contentType")
            if text == nil, base64 == nil {
                reader.reportMissing("base64", expected: "the bytes, or 'text': the text")
            } else if text != nil, base64 != nil {
                problems.report("'text' and 'base64' exclude each other", at: reader.position(of: "text"))
            }
            reader.finish()
            let isPlain = contentType?.utf8.allSatisfy { (0x20...0x7E).contains($0) } ?? true
            if !isPlain {
                problems.report("'contentType' is no media type", at: reader.position(of: "contentType"))
            }
            guard
                let content = base64.map({ MultipartField.Content.base64(PlaceholderText($0)) })
                    ?? text.map({ .text(PlaceholderText($0)) })
            else { return nil }
            return MultipartField(
                name: member.name,
                content: content,
                fileName: fileName.map(PlaceholderText.init),
                contentType: contentType.map(PlaceholderText.init)
            )
        }
    }
}
