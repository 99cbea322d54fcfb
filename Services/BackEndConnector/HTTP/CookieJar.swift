import Foundation
import JSON

/// The cookies of one session with one back end (RFC 6265).
struct CookieJar: Sendable, Hashable {
    /// The most cookies that are kept; the oldest go.
    static let maximumCookies = 50
    /// The most bytes of a cookie's name and value.
    private static let maximumSize = 4_096
    /// The longest that one is kept.
    private static let longestLife: TimeInterval = 400 * 86_400

    /// A cookie as it came, and where from.
    struct Received: Sendable, Hashable {
        /// The value of `Set-Cookie`.
        let text: String
        let url: String
    }

    struct Cookie: Sendable, Hashable {
        let name: String
        let value: String
        let domain: String
        /// Whether only the host itself gets it.
        let isOfHost: Bool
        let path: String
        let isSecure: Bool
        /// Seconds since 1970; nil ends with the session.
        let end: TimeInterval?
    }

    private(set) var cookies: [Cookie] = []

    /// Takes a cookie in, in the place of one of the same name; one that has ended takes that away.
    mutating func take(_ received: Received, at now: Date) {
        guard let cookie = Self.cookie(received, at: now) else { return }
        cookies.removeAll { $0.name == cookie.name && $0.domain == cookie.domain && $0.path == cookie.path }
        if let end = cookie.end, end <= now.timeIntervalSince1970 { return }
        cookies.append(cookie)
        if cookies.count > Self.maximumCookies { cookies.removeFirst() }
    }

    /// The value of `Cookie` for a request; nil when there is none for it.
    func header(for url: String, at now: Date) -> String? {
        guard let url = URL(string: url), let host = url.host()?.lowercased() else { return nil }
        let path = url.path(percentEncoded: true)
        let fitting = cookies.filter { cookie in
            (cookie.end.map { $0 > now.timeIntervalSince1970 } ?? true)
                && (cookie.isOfHost ? host == cookie.domain : Self.matches(host, cookie.domain))
                && Self.isBelow(path.isEmpty ? "/" : path, cookie.path)
                && (!cookie.isSecure || url.scheme?.lowercased() == "https")
        }
        guard !fitting.isEmpty else { return nil }
        // Longer paths come first (section 5.4).
        let ordered = fitting.enumerated().sorted {
            ($1.element.path.utf8.count, $0.offset) < ($0.element.path.utf8.count, $1.offset)
        }
        return ordered.map { "\($0.element.name)=\($0.element.value)" }.joined(separator: "; ")
    }

    private static func cookie(_ received: Received, at now: Date) -> Cookie? {
        guard received.text.utf8.count <= maximumSize + 1_024, let url = URL(string: received.url),
            let host = url.host()?.lowercased()
        else { return nil }
        var parts = received.text.split(separator: ";", omittingEmptySubsequences: false)[...]
        guard let pair = parts.popFirst(), let equals = pair.firstIndex(of: "=") else { return nil }
        let name = trimmed(pair[..<equals])
        let value = trimmed(pair[pair.index(after: equals)...])
        let isPlain = (name + value).utf8.allSatisfy { (0x20...0x7E).contains($0) }
        guard !name.isEmpty, isPlain, name.utf8.count + value.utf8.count <= maximumSize else { return nil }
        var attributes: [String: String] = [:]
        for part in parts {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            attributes[trimmed(sides[0]).lowercased()] = sides.count > 1 ? trimmed(sides[1]) : ""
        }
        var domain = (attributes["domain"] ?? "").lowercased()
        if domain.hasPrefix(".") { domain.removeFirst() }
        guard domain.isEmpty || matches(host, domain) && domain.contains(".") || domain == host else { return nil }
        let path = attributes["path"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        return Cookie(
            name: name,
            value: value,
            domain: domain.isEmpty ? host : domain,
            isOfHost: domain.isEmpty,
            path: path ?? defaultPath(url.path(percentEncoded: true)),
            isSecure: attributes["secure"] != nil,
            end: end(attributes, at: now)
        )
    }

    /// `Max-Age` before `Expires` (section 5.3).
    private static func end(_ attributes: [String: String], at now: Date) -> TimeInterval? {
        let start = now.timeIntervalSince1970
        if let seconds = attributes["max-age"].flatMap({ Int($0) }) {
            return start + min(longestLife, TimeInterval(seconds))
        }
        guard let text = attributes["expires"] else { return nil }
        for format in ["EEE, dd MMM yyyy HH:mm:ss zzz", "EEE, dd-MMM-yyyy HH:mm:ss zzz", "EEE, dd-MMM-yy HH:mm:ss zzz"]
        {
            let formatter = DateFormatter()
            formatter.locale = Locale(identifier: "en_US_POSIX")
            formatter.timeZone = TimeZone(identifier: "GMT")
            formatter.dateFormat = format
            if let date = formatter.date(from: text) { return min(date.timeIntervalSince1970, start + longestLife) }
        }
        return nil
    }

    private static func trimmed(_ text: Substring) -> String {
        text.trimmingCharacters(in: .whitespaces)
    }

    /// Whether a host is a domain or below it (section 5.1.3).
    private static func matches(_ host: String, _ domain: String) -> Bool {
        host == domain || host.hasSuffix(".\(domain)") && !host.allSatisfy { $0.isNumber || $0 == "." }
    }

    /// Whether a path is a cookie's or below it (section 5.1.4).
    private static func isBelow(_ path: String, _ cookie: String) -> Bool {
        guard path.hasPrefix(cookie) else { return false }
        return path.count == cookie.count || cookie.hasSuffix("/") || path.dropFirst(cookie.count).first == "/"
    }

    private static func defaultPath(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return "/" }
        return String(path[..<slash])
    }
}

extension CookieJar {
    /// As it is stored.
    var json: JSONValue {
        .array(
            cookies.map { cookie in
                [
                    "name": .string(cookie.name), "value": .string(cookie.value), "domain": .string(cookie.domain),
                    "host": .bool(cookie.isOfHost), "path": .string(cookie.path), "secure": .bool(cookie.isSecure),
                    "end": cookie.end.map { .number(JSONNumber($0)) } ?? .null,
                ]
            }
        )
    }

    /// Reads what was stored; what cannot be understood is left out.
    init(_ json: JSONValue) {
        cookies = (json.arrayValue ?? []).compactMap { value in
            guard let name = value["name"]?.stringValue, let text = value["value"]?.stringValue,
                let domain = value["domain"]?.stringValue, let path = value["path"]?.stringValue
            else { return nil }
            var end: TimeInterval?
            if case .number(let number)? = value["end"] { end = number.double }
            return Cookie(
                name: name,
                value: text,
                domain: domain,
                isOfHost: value["host"] == true,
                path: path,
                isSecure: value["secure"] == true,
                end: end
            )
        }
    }
}
