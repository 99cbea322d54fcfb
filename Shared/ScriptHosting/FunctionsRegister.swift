import Synchronization

/// Gives each design document's functions a number of their own, by which hosts find them compiled.
///
/// The comparison is of the texts themselves, so functions never answer for others that happen to have their digest.
final class FunctionsRegister: Sendable {
    private let numbers = Mutex<[ScriptFunctions: Int]>([:])

    /// How many functions are remembered; beyond it all are forgotten, and compiled anew when they are needed.
    private static let capacity = 1_000

    /// The number of these functions.
    ///
    /// - Parameters:
    ///   - functions: The functions.
    ///   - next: Gives a number that no functions have had.
    func number(of functions: ScriptFunctions, next: () -> Int) -> Int {
        numbers.withLock { numbers in
            if let number = numbers[functions] { return number }
            if numbers.count >= Self.capacity { numbers.removeAll() }
            let number = next()
            numbers[functions] = number
            return number
        }
    }
}
