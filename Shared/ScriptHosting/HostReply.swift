/// What a script host answers.
package enum HostReply: Sendable {
    /// To ``HostRequest/hello(version:limits:)``: the host speaks that version.
    case hello(version: Int)
    /// What is done is done, and has no result.
    case done
    /// To ``HostRequest/map(_:documents:)``: the text that ``MapText`` reads, and lines that scripts logged.
    case mapped(ArraySlice<UInt8>, log: [String])
    /// To ``HostRequest/reduce(_:groups:)``: each reduction on a line of its own, and lines that scripts logged.
    case reduced(ArraySlice<UInt8>, log: [String])
    /// To ``HostRequest/filter(_:documents:request:)``: the text that ``FilterText`` reads, and lines that scripts
    /// logged.
    case filtered(ArraySlice<UInt8>, log: [String])
    /// To ``HostRequest/evaluate(_:)``: a JSON text.
    case value(ArraySlice<UInt8>)
    /// The host does not have what the request refers to: the functions, or the values of these names.
    case missing([String])
    /// The request as a whole failed; the host lives.
    case failed(ScriptError)
    /// The request failed, and the host ends now.
    case dying(ScriptError)
}
