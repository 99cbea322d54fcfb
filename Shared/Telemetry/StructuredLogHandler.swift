package import Logging

/// Writes each event of swift-log as one structured line: time, level, service, label, message, trace, metadata.
///
/// What a level leaves out costs one comparison in `Logger`; nothing of the event is made.
package struct StructuredLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let style: LogStyle

    package init(label: String, style: LogStyle) {
        self.label = label
        self.style = style
        logLevel = style.level
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var fields = [
            ("time", Timestamp.now.description),
            ("level", event.level.rawValue),
            ("service", style.service),
            ("label", label),
            ("msg", event.message.description),
        ]
        if let trace = TraceContext.current { fields.append(("trace", trace.traceID)) }
        if let error = event.error { fields.append(("error", "\(error)")) }
        append(event.metadata, to: &fields)
        var line = style.format.line(fields, limit: style.maximumLineLength)
        line.append(UInt8(ascii: "\n"))
        style.output.write(line)
    }

    /// Appends the metadata of the event over the handler's own over the provider's, by name.
    private func append(_ explicit: Logger.Metadata?, to fields: inout [(String, String)]) {
        var all = metadataProvider?.get() ?? [:]
        all.merge(metadata) { _, own in own }
        if let explicit { all.merge(explicit) { _, newest in newest } }
        for (name, value) in all.sorted(by: { $0.key < $1.key }) {
            fields.append((name, value.description))
        }
    }
}

/// What all loggers of a process have in common.
package struct LogStyle: Sendable {
    /// The name of the process.
    package var service: String
    package var level: Logger.Level
    package var format: LogFormat
    /// The most bytes of a line; what is longer is cut and says so (`cut=true`).
    package var maximumLineLength = 8_192
    package var output: LogOutput

    package init(service: String, level: Logger.Level, format: LogFormat, output: LogOutput = .standardError) {
        self.service = service
        self.level = level
        self.format = format
        self.output = output
    }
}
