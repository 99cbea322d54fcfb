/// What `body` gives, or its error, behind what must be done at the end in either case.
package func attempt<Value>(
    _ body: () async throws -> Value,
    finally end: () async throws -> Void
) async throws -> Value {
    let result: Result<Value, any Error>
    do {
        result = .success(try await body())
    } catch {
        result = .failure(error)
    }
    try await end()
    return try result.get()
}
