import Glibc

/// Holds a directory for this process, so that nobody else starts servers in it.
///
/// The lock (`flock` on the file `lock` in the directory) goes with the process, however it ends.
package struct DirectoryLock: ~Copyable, Sendable {
    private let descriptor: Int32

    /// Takes the lock, or gives nil when another process has it.
    ///
    /// - Throws: ``FileError`` when the lock's file cannot be opened.
    package static func take(_ directory: String) throws(FileError) -> DirectoryLock? {
        let path = directory + "/lock"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileError(path: path, errorNumber: errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
        return DirectoryLock(descriptor: descriptor)
    }

    private init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        // A child that is just being spawned has the descriptor, too, until it executes its program: closing this one
        // would leave the directory locked until then.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
