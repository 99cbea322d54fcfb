import Foundation

/// `_approx_count_distinct`: about how many different keys there are, in little memory (Flajolet and others, 2007).
///
/// With 2,048 registers the relative error is about 2.3 %, as CouchDB's is.
package struct HyperLogLog: Sendable {
    private static let bits = 11
    private static let registerCount = 1 << bits

    /// The longest run of zeros that was seen, by the first bits of the hash.
    private var registers: [UInt8]

    package init() {
        registers = [UInt8](repeating: 0, count: Self.registerCount)
    }

    package mutating func insert(_ key: [UInt8]) {
        let hash = Self.hash(key)
        let place = Int(hash >> (64 - UInt64(Self.bits)))
        // The bit behind the hash bounds the run where all of them are 0.
        let rest = hash << UInt64(Self.bits) | 1 << (UInt64(Self.bits) - 1)
        registers[place] = max(registers[place], UInt8(rest.leadingZeroBitCount + 1))
    }

    package mutating func merge(_ other: HyperLogLog) {
        for place in registers.indices { registers[place] = max(registers[place], other.registers[place]) }
    }

    package var estimate: Int {
        let count = Double(Self.registerCount)
        let harmonic = registers.reduce(0.0) { $0 + exp2(-Double($1)) }
        let raw = 0.7213 / (1 + 1.079 / count) * count * count / harmonic
        let empty = registers.count { $0 == 0 }
        guard raw <= 2.5 * count, empty > 0 else { return Int(raw.rounded()) }
        return Int((count * log(count / Double(empty))).rounded())
    }

    /// FNV-1a, and SplitMix64's last steps to spread it over all bits.
    private static func hash(_ key: [UInt8]) -> UInt64 {
        var word: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in key { word = (word ^ UInt64(byte)) &* 0x100_0000_01B3 }
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// The registers that are not 0, each as its place and its value, while these are few; else all.
    package var bytes: [UInt8] {
        let used = registers.indices.filter { registers[$0] > 0 }
        guard used.count * 3 < Self.registerCount else { return registers }
        return used.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF), registers[$0]] }
    }

    package init(_ bytes: [UInt8]) {
        self.init()
        guard bytes.count != Self.registerCount else {
            registers = bytes
            return
        }
        for start in stride(from: 0, to: bytes.count - 2, by: 3) {
            registers[(Int(bytes[start]) << 8 | Int(bytes[start + 1])) % Self.registerCount] = bytes[start + 2]
        }
    }
}
