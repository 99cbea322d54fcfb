import Crypto
import Foundation
import Synchronization

/// Certificates as files, for libraries that read them from nowhere else.
///
/// Each text is written once, readable by its owner alone, and goes with the process.
final class PEMFiles: Sendable {
    /// The authorities that the system trusts.
    static let system = "/etc/ssl/certs/ca-certificates.crt"

    private let directory: String
    private let written = Mutex<Set<String>>([])

    init() {
        directory = FileManager.default.temporaryDirectory.path + "/fullsync-pem-" + UUID().uuidString
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// The path of a file with that text.
    func path(of text: String) throws(ExchangeFailure) -> String {
        let name = SHA256.hash(data: Data(text.utf8)).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
        let path = "\(directory)/\(name.joined()).pem"
        do {
            try written.withLock { written in
                guard !written.contains(path) else { return }
                try FileManager.default.createDirectory(
                    atPath: directory,
                    withIntermediateDirectories: true,
                    attributes: [.posixPermissions: 0o700]
                )
                try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
                written.insert(path)
            }
        } catch {
            throw .connectFailed("its certificates cannot be written to a file")
        }
        return path
    }
}
