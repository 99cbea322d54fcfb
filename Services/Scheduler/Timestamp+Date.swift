import Foundation
import Schedules

extension Timestamp {
    /// The second that the moment is in.
    init(_ date: Date) {
        self.init(seconds: Int(date.timeIntervalSince1970.rounded(.down)))
    }

    /// The moment as Foundation has it.
    var date: Date { Date(timeIntervalSince1970: Double(seconds)) }
}
