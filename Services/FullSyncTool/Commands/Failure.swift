import ArgumentParser
import Foundation
import PrivateServers
import Settings

/// The exit codes of the tool's failures, as `sysexits.h` has them.
enum FailureCode {
    static let general = ExitCode(1)
    /// What was given is refused as it is.
    static let wrongData = ExitCode(65)
    /// What was named does not exist.
    static let notFound = ExitCode(66)
    /// The endpoint does not answer, or cannot at the moment.
    static let unavailable = ExitCode(69)
    /// What the command found could not be written.
    static let noOutput = ExitCode(74)
    /// Whoever answered is no endpoint, or another one than this tool knows.
    static let strangeAnswer = ExitCode(76)
    /// The credentials are wrong, or do not suffice.
    static let noPermission = ExitCode(77)
    /// A setting is wrong.
    static let configuration = ExitCode(78)

    /// The exit code for an answer of the endpoint, or of a device's database, with that status.
    static func of(status: Int) -> ExitCode {
        switch status {
        case 400, 412, 413, 415: wrongData
        case 401, 403: noPermission
        case 404: notFound
        case 503: unavailable
        default: general
        }
    }
}

/// An error that says what the tool ends with.
protocol ErrorWithExitCode: Error {
    var exitCode: ExitCode { get }
}

/// Runs a command's body; prints what fails, and ends with the exit code for it.
///
/// - Parameter isForOutput: Whether the command has failed when some of its output could not be written.
func reportingFailure(isForOutput: Bool = true, _ body: () async throws -> Void) async throws {
    do {
        try await body()
        if isForOutput, let error = Console.outputError { throw OutputFailure(errorNumber: error) }
    } catch let code as ExitCode {
        throw code
    } catch {
        try? FileHandle.standardError.write(contentsOf: Data("fullsync: \(text(of: error).printableLines)\n".utf8))
        if let error = error as? any ErrorWithExitCode { throw error.exitCode }
        throw error is SettingError || error is SettingErrors ? FailureCode.configuration : FailureCode.general
    }
}

/// What an error says; of one of a file its path, and what the system answered.
func text(of error: any Error) -> String {
    guard let error = error as? CocoaError, let path = error.filePath, let cause = error.underlying as? POSIXError
    else { return "\(error)" }
    return FileError(path: path, errorNumber: cause.code.rawValue).description
}

/// The output is full, or gone in another way than by a reader who has seen enough.
private struct OutputFailure: Error, CustomStringConvertible, ErrorWithExitCode {
    let errorNumber: Int32

    var description: String { "the output cannot be written: \(String(cString: strerror(errorNumber)))" }
    var exitCode: ExitCode { FailureCode.noOutput }
}
