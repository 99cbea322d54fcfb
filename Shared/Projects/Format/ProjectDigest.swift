import Crypto

/// The version of a project's content.
enum ProjectDigest {
    /// SHA-256 over the files in the order of their paths, each with its lengths, in hexadecimal.
    static func hexadecimal(of files: [String: String]) -> String {
        var hash = SHA256()
        for (path, text) in files.sorted(by: { $0.key < $1.key }) {
            hash.update(data: Array("\(path.utf8.count):\(path)\(text.utf8.count):".utf8))
            hash.update(data: Array(text.utf8))
        }
        return hash.finalize().map { byte in
            String(byte >> 4, radix: 16) + String(byte & 0xF, radix: 16)
        }.joined()
    }
}
