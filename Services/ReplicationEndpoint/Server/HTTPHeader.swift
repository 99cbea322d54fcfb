import HTTPTypes

/// The headers that HTTPTypes has no name for.
enum HTTPHeader {
    /// W3C Trace Context.
    static let traceparent = name("traceparent")
    /// The MD5 of a body, in Base64 (RFC 1864).
    static let contentMD5 = name("Content-MD5")
    /// The run that answered, for looking it up.
    static let run = name("X-FullSync-Run")
    /// The user for whom an administrator calls a sequence, and the groups that the user is taken to be in.
    static let actingAs = name("X-FullSync-As")
    static let actingGroups = name("X-FullSync-As-Groups")
    /// Whom a proxy has heard from, and by which scheme.
    static let forwardedFor = name("X-Forwarded-For")
    static let forwardedProto = name("X-Forwarded-Proto")
    /// What CouchDB's clients wish for as the challenge of a 401: without it there is none, and no browser asks for a
    /// password in a window of its own.
    static let wishedChallenge = name("X-CouchDB-WWW-Authenticate")

    /// What an update function wrote.
    static let updatedRevision = name("X-Couch-Update-NewRev")
    static let updatedDocument = name("X-Couch-Id")

    /// What a POST stands for.
    static let methodOverride = name("X-HTTP-Method-Override")
    static let pragma = name("Pragma")
    /// Where a COPY goes.
    static let destination = name("Destination")
    /// What a proxy in front of this server was asked with.
    static let forwardedProtocol = name("X-Forwarded-Proto")
    static let forwardedHost = name("X-Forwarded-Host")

    private static func name(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("\(text) is no name of a header") }
        return name
    }
}
