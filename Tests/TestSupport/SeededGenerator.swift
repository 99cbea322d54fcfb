import Foundation

/// Random numbers that can be had again: SplitMix64 (Steele, Lea, Flood 2014).
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    package let seed: UInt64
    private var state: UInt64

    package init(seed: UInt64) {
        self.seed = seed
        state = seed
    }

    /// With the seed that the environment gives, else with that of the name of the test; it is printed.
    package static func announced(_ test: String = #function) -> SeededGenerator {
        SeededGenerator(seed: announcedSeed(test))
    }

    /// The same at each run, so that a change is what turns a test red, and nobody's luck.
    ///
    /// - Parameter variable: Holds a number, or `new` for one that nobody has tried (`make explore`).
    package static func announcedSeed(_ test: String = #function, variable: String = "FULLSYNC_TEST_SEED") -> UInt64 {
        let given = ProcessInfo.processInfo.environment[variable] ?? ""
        let seed = given == "new" ? .random(in: 0..<1 << 32) : UInt64(given) ?? hash(test)
        print("\(test): \(variable)=\(seed)")
        return seed
    }

    /// FNV-1a (Fowler, Noll, Vo), to 32 bits.
    private static func hash(_ text: String) -> UInt64 {
        UInt64(text.utf8.reduce(2_166_136_261 as UInt32) { ($0 ^ UInt32($1)) &* 16_777_619 })
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
