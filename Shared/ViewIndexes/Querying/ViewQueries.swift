package import CouchProtocol
package import DocumentStore
import JSON
package import Logging
package import ScriptHosting

/// Finds views by their names and makes their indexes ready for a query.
package struct ViewQueries: Sendable {
    package let indexes: ViewIndexes
    package let catalogue: ViewCatalogue

    /// - Parameters:
    ///   - scripts: Where maps and reduces run.
    ///   - holder: Names this process among all that bring indexes up to date.
    package init(_ store: DocumentStore, _ scripts: ScriptHostPool, holder: String, _ logger: Logger) {
        indexes = ViewIndexes(store, holder: holder, logger: logger)
        catalogue = ViewCatalogue(store: store, scripts: scripts)
    }

    /// The view of that name.
    ///
    /// - Throws: `not_found` when the caller may read no such design document, or it has no such view.
    package func target(
        _ view: String,
        of design: String,
        in database: Database,
        for caller: Caller
    ) async throws -> ViewTarget {
        let views = try await catalogue.views(of: design, in: database, for: caller)
        guard let views, let view = views.views[ExactText(view)] else {
            throw CouchError.notFound("missing_named_view")
        }
        let index = try await indexes.index(views.index, in: database, reducers: views.reducers)
        return ViewTarget(index: index, view: view)
    }

    /// The view with its index as up to date as the query wants it.
    package func prepared(
        _ target: ViewTarget,
        _ update: DocumentListQuery.Update
    ) async throws -> ViewTarget {
        switch update {
        case .first: return ViewTarget(index: try await indexes.bringUpToDate(target.index), view: target.view)
        case .never: return target
        case .afterwards:
            indexes.refreshSoon(target.index)
            return target
        }
    }

    /// The place of the index in the caller's own feed, as a token.
    ///
    /// Where an index that is behind stands is a change of somebody's, and so not told to users.
    package func updateSeq(_ index: ViewIndex, for caller: Caller) async throws -> UpdateSequence {
        let standing = try await indexes.standing(of: index).seq
        var place = standing
        if caller.feeds != nil {
            let last = try await indexes.store.lastPlace(in: index.database, for: caller)
            place = last <= standing ? last : 0
        }
        return index.database.token(FeedPosition(place)).sequence
    }
}

/// A view that was found.
package struct ViewTarget: Sendable {
    package let index: ViewIndex
    package let view: DesignViews.View
}
