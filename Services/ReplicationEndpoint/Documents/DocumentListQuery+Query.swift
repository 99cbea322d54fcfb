import CouchProtocol
import JSON
import ViewIndexes

extension DocumentListQuery {
    /// The parameters of a body, with those of the address on top.
    init(body: JSONObject = [:], _ query: Query) throws(CouchError) {
        try self.init(body: body, address: query.parameters.map { ($0, $1) })
    }
}
