import ArgumentParser
import Foundation
import Settings

/// The exit codes of the tool's failures, as `sysexits.h` has them.
enum FailureCode {
    static let general = ExitCode(1)
    /// A setting is wrong.
    static let configuration = ExitCode(78)
}

/// Runs a command's body; prints what fails, and ends with the exit code for it.
func reportingFailure(_ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let code as ExitCode {
        throw code
    } catch {
        try? FileHandle.standardError.write(contentsOf: Data("fullsync: \(error)\n".utf8))
        throw error is SettingError || error is SettingErrors ? FailureCode.configuration : FailureCode.general
    }
}
