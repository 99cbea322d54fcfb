package import CouchProtocol

/// A place in a reader's feed, behind which the reader reads on.
///
/// What a reader may read can change while the reader is on the way through a long feed. So a place within it says,
/// too, from where the reader set out, and how far the database had come then.
package struct FeedPosition: Sendable, Hashable {
    /// A way through a feed that has not come to its end.
    package struct Walk: Sendable, Hashable {
        /// Where the reader set out, having all that was the reader's at that number.
        package let base: Int
        /// How far the database had come by then: what was read on the way was read by the rights of then, or later.
        package let end: Int
    }

    /// The change behind which the reader stands.
    package let number: Int
    /// The way that the reader is on; nil for one who has all up to the number.
    package let walk: Walk?
    /// How far the reader has come among the older documents that the event behind `number` brought; nil outside of
    /// one.
    package let inner: Int?
    /// Whether it is a bare number that somebody wrote, and no token that was given out.
    package let isBare: Bool

    /// The place behind a change.
    package init(_ number: Int, walk: Walk? = nil, inner: Int? = nil, isBare: Bool = false) {
        self.number = number
        self.walk = walk
        self.inner = inner
        self.isBare = isBare
    }

    /// In front of the first change.
    package static let beginning = FeedPosition(0)
}

extension Database {
    /// What clients get as the update sequence of that place.
    package func token(_ position: FeedPosition) -> SequenceToken {
        let details = (position.walk.map { [$0.base, $0.end] } ?? []) + (position.inner.map { [$0] } ?? [])
        return SequenceToken(number: position.number, incarnation: shortIncarnation, details: details)
    }

    /// The place behind which a client that shows this token reads on: the beginning when it is of another incarnation,
    /// which says nothing about this one.
    package func position(of token: SequenceToken) -> FeedPosition {
        guard let incarnation = token.incarnation else { return FeedPosition(token.number, isBare: true) }
        guard incarnation == shortIncarnation else { return .beginning }
        let details = token.details
        return FeedPosition(
            token.number,
            walk: details.count > 1 ? FeedPosition.Walk(base: details[0], end: details[1]) : nil,
            inner: details.count > 2 ? details[2] : nil
        )
    }

    /// Enough of the incarnation to tell it from others; it stands in every row of a feed.
    private var shortIncarnation: String { String(incarnation.prefix(8)) }
}
