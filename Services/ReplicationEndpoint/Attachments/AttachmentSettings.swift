import CouchProtocol
import Settings

/// How many and how large the attachments of documents may be.
enum AttachmentSettings {
    static let size = Setting(
        "attachment.size",
        .bytes(0...1 << 40),
        default: 1 << 30,
        "The largest attachment (CouchDB's max_attachment_size)."
    )
    static let total = Setting(
        "attachment.total",
        .bytes(0...1 << 42),
        default: 4 << 30,
        "How large the attachments that come with one document may be together."
    )
    static let count = Setting(
        "attachment.count",
        .int(0...100_000),
        default: 1_000,
        "How many attachments a document may have."
    )
    static let nameLength = Setting(
        "attachment.name",
        .int(1...65_536),
        default: 1_024,
        "How many bytes the name of an attachment may have."
    )
    static let partHeader = Setting(
        "multipart.header",
        .bytes(256...1 << 20),
        default: 16 << 10,
        "How many bytes the headers of one part of a multipart body may have."
    )

    static let all: [any SettingDeclaration] = [size, total, count, nameLength, partHeader]

    /// The rules for documents that the settings say.
    static func rules(_ settings: SettingReader) throws -> DocumentRules {
        var rules = DocumentRules()
        rules.attachmentSizeLimit = try settings[size]
        rules.attachmentTotalLimit = try settings[total]
        rules.attachmentLimit = try settings[count]
        rules.attachmentNameLimit = try settings[nameLength]
        rules.partHeaderLimit = try settings[partHeader]
        return rules
    }
}
