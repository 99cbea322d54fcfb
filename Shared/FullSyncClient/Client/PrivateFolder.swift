import Foundation

/// A folder that nobody but the application's own user of the machine looks into: documents of users are in it.
enum PrivateFolder {
    /// Makes it where it is not there yet, with those above it, and closes it.
    static func make(at url: URL) throws {
        let closed: [FileAttributeKey: Any] = [.posixPermissions: 0o700]
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true, attributes: closed)
        // One that an older version of this library has made. Where it is another account's, that one decides.
        try? FileManager.default.setAttributes(closed, ofItemAtPath: url.path)
    }
}
