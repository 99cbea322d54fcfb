package import CouchProtocol

/// A place in a reader's feed, behind which the reader reads on.
///
/// What a reader may read can change while the reader is on the way through a long feed. So a place within it says,
/// too, from where the reader set out, and how far the database had come then.
package struct FeedPosition: Sendable, Hashable {
    /// A way through a feed that has not come to its end.
    package struct Walk: Sendable, Hashable {
        /// Where the reader set out, having all that was the reader's at that number; 0 for one who had nothing.
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

    /// Whether it is the place of a reader who sets out from the beginning and holds something all the same, such as
    /// what was read of an earlier incarnation.
    package let isHolder: Bool

    /// The place behind a change.
    package init(_ number: Int, walk: Walk? = nil, inner: Int? = nil) {
        self.init(number, walk, inner, isHolder: false)
    }

    private init(_ number: Int, _ walk: Walk?, _ inner: Int?, isHolder: Bool) {
        self.number = number
        self.walk = walk
        self.inner = inner
        self.isHolder = isHolder
    }

    /// In front of the first change, for a reader who has nothing.
    package static let beginning = FeedPosition(0)

    /// In front of the first change, for a reader who may hold anything that was the reader's at some time, and so must
    /// be told of all that is not any more.
    package static let beginningAnew = FeedPosition(0, nil, nil, isHolder: true)

    /// The place itself, or, when it is the beginning, that of a reader who holds something.
    package var ofHolder: FeedPosition { number == 0 && walk == nil ? .beginningAnew : self }

    /// Where the reader set out, or sets out here.
    ///
    /// Who holds something counts as one who has read the first change: nothing can be lost by that one, and all that
    /// was lost came later.
    var base: Int { walk?.base ?? (isHolder ? 1 : number) }
}

extension Database {
    /// What clients get as the update sequence of that place.
    package func token(_ position: FeedPosition) -> SequenceToken {
        let details = (position.walk.map { [$0.base, $0.end] } ?? []) + (position.inner.map { [$0] } ?? [])
        return SequenceToken(number: position.number, incarnation: shortIncarnation, details: details)
    }

    /// The place behind which a client that shows this token reads on: the beginning when it is of another incarnation,
    /// which says nothing about this one but that the client holds something.
    package func position(of token: SequenceToken) -> FeedPosition {
        guard let incarnation = token.incarnation else { return FeedPosition(token.number) }
        guard incarnation == shortIncarnation else { return .beginningAnew }
        let details = token.details
        return FeedPosition(
            token.number,
            walk: details.count > 1 ? FeedPosition.Walk(base: details[0], end: details[1]) : nil,
            inner: details.count > 2 ? details[2] : nil
        )
    }

    private var shortIncarnation: String { String(incarnation.prefix(SequenceToken.incarnationLength)) }
}
