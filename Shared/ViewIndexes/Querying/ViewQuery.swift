package import Collation
package import CouchProtocol
package import ViewRules

/// A query of a view: the parameters of the request, and the rows that they mean.
package struct ViewQuery: Sendable {
    package let list: DocumentListQuery
    private let selection: ViewSelection

    package var isReduced: Bool { selection.isReduced }
    var grouping: Grouping { selection.grouping }
    /// The first stretch of rows; that of the whole view where there is none.
    package var range: KeyRange { ranges.first ?? selection.range }
    /// The stretches of rows that are read, one after the other.
    var ranges: [KeyRange] { selection.ranges }

    package init(
        _ list: DocumentListQuery,
        _ view: DesignViews.View,
        _ order: CollationKey.Order
    ) throws(CouchError) {
        self.list = list
        try list.checkPartition()
        selection = try ViewSelection(list.view, hasReduce: view.reducer != nil, order: order)
    }
}

extension DocumentListQuery {
    /// What is asked of a view.
    fileprivate var view: ViewArguments {
        var arguments = ViewArguments()
        (arguments.keys, arguments.startKey, arguments.endKey) = (keys, startKey, endKey)
        (arguments.startKeyID, arguments.endKeyID) = (startKeyID, endKeyID)
        (arguments.inclusiveEnd, arguments.isDescending) = (inclusiveEnd, isDescending)
        (arguments.reduces, arguments.groups, arguments.groupLevel) = (reduces, groups, groupLevel)
        (arguments.includesDocuments, arguments.includesConflicts) = (includesBodies, conflicts)
        return arguments
    }
}
