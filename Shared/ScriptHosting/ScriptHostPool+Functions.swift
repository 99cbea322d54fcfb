extension ScriptHostPool {
    /// Calls each of the map functions with each of the documents.
    ///
    /// A batch of a few hundred documents is best: large enough to make the pipe cheap, small enough for its limits.
    ///
    /// - Parameters:
    ///   - functions: The maps of one design document.
    ///   - documents: The JSON text of each document in UTF-8.
    /// - Returns: For each document, for each function, its rows or why there are none.
    /// - Throws: What ended the batch as a whole: a function that does not compile, or a limit.
    package func map(
        _ functions: ScriptFunctions,
        documents: [[UInt8]]
    ) async throws(ScriptError) -> [[MapOutcome]] {
        let documents = documents.map { $0[...] }
        try check(documents)
        let reply = try await call(.map, functions) { .map($0, documents: documents) }
        guard case .mapped(let text, let log) = reply else { throw .unexpectedReply }
        tell(log, of: functions)
        do throws(FrameError) {
            return try OutcomeText.maps(text, documents: documents.count, functions: functions.sources.count)
        } catch {
            throw .unexpectedReply
        }
    }

    /// Calls each of the map functions with one document, and does so again in new hosts when it ended in a way that
    /// need not be the document's fault.
    package func map(
        _ functions: ScriptFunctions,
        document: [UInt8]
    ) async throws(ScriptError) -> [MapOutcome] {
        try await insisting { () async throws(ScriptError) in
            try await map(functions, documents: [document])[0]
        }
    }

    /// How long it waits before it asks once more about a single document or text.
    private static let pauses = [Duration.milliseconds(250), .seconds(2)]

    /// Makes a request, and makes it again in new hosts when it ended in a way that may have been the host's fault.
    private func insisting<Value: Sendable>(
        _ request: () async throws(ScriptError) -> Value
    ) async throws(ScriptError) -> Value {
        for pause in Self.pauses {
            do throws(ScriptError) {
                return try await request()
            } catch {
                guard error.mayBeOfHost else { throw error }
                try? await Task.sleep(for: pause)
            }
        }
        return try await request()
    }

    /// Calls the reduce function, the only one of the functions, with each of the groups.
    ///
    /// A call that throws has `null` as its reduction, and the log tells why, as in CouchDB.
    ///
    /// - Parameters:
    ///   - functions: The reduce and what it may `require`.
    ///   - groups: What each call gets.
    /// - Returns: The JSON text of each group's reduction, in UTF-8.
    /// - Throws: What ended the batch as a whole: a function that does not compile, a limit, or a result that does not
    ///   shrink (``ScriptError/Kind/reduceOverflow``).
    package func reduce(_ functions: ScriptFunctions, _ groups: [ReduceInput]) async throws(ScriptError) -> [[UInt8]] {
        try check(groups.flatMap { [$0.keys ?? [], $0.values] })
        let reply = try await call(.reduce, functions) { .reduce($0, groups: groups) }
        guard case .reduced(let text, let log) = reply else { throw .unexpectedReply }
        tell(log, of: functions)
        do throws(FrameError) {
            return try OutcomeText.reductions(text, groups: groups.count)
        } catch {
            throw .unexpectedReply
        }
    }

    /// Asks a filter function, the only one of the functions, about each of the documents.
    ///
    /// - Parameters:
    ///   - functions: The filter and what it may `require`.
    ///   - documents: The JSON text of each document in UTF-8.
    ///   - request: The JSON text of the filter's second argument.
    /// - Returns: The answer for each document.
    /// - Throws: What ended the batch as a whole: a function that does not compile, or a limit.
    package func filter(
        _ functions: ScriptFunctions,
        documents: [[UInt8]],
        request: [UInt8]
    ) async throws(ScriptError) -> [FilterOutcome] {
        let documents = documents.map { $0[...] }
        try check([request[...]] + documents)
        let reply = try await call(.filter, functions) { .filter($0, documents: documents, request: request[...]) }
        guard case .filtered(let text, let log) = reply else { throw .unexpectedReply }
        tell(log, of: functions)
        do throws(FrameError) {
            return try OutcomeText.filters(text, documents: documents.count)
        } catch {
            throw .unexpectedReply
        }
    }

    /// Asks a validation function, the only one of the functions, about each of the writes.
    ///
    /// - Parameters:
    ///   - functions: The function and what it may `require`.
    ///   - writes: The documents as they are to be and as they are.
    ///   - userContext: The JSON text of who writes.
    ///   - security: The JSON text of the database's security object.
    /// - Returns: The answer for each write.
    /// - Throws: What ended the batch as a whole: a function that does not compile, or a limit.
    package func validate(
        _ functions: ScriptFunctions,
        _ writes: [ValidatedWrite],
        userContext: [UInt8],
        security: [UInt8]
    ) async throws(ScriptError) -> [ValidationOutcome] {
        let context = [userContext[...], security[...]]
        try check(context + writes.flatMap { [$0.document, $0.previous] })
        let reply = try await call(.validate, functions) { .validate($0, writes: writes, context: context) }
        guard case .validated(let text, let log) = reply else { throw .unexpectedReply }
        tell(log, of: functions)
        do throws(FrameError) {
            return try OutcomeText.validations(text, writes: writes.count)
        } catch {
            throw .unexpectedReply
        }
    }

    /// Calls an update function, the only one of the functions.
    ///
    /// - Parameters:
    ///   - functions: The function and what it may `require`.
    ///   - document: The JSON text of the document; nil when there is none.
    ///   - request: The JSON text of the request.
    /// - Returns: The JSON text of an array: the document to be written or null, and the response, a string or an
    ///   object.
    /// - Throws: That it threw, does not compile, or broke a limit.
    package func update(
        _ functions: ScriptFunctions,
        document: [UInt8]?,
        request: [UInt8]
    ) async throws(ScriptError) -> [UInt8] {
        let arguments = [(document ?? Array("null".utf8))[...], request[...]]
        try check(arguments)
        let reply = try await call(.update, functions) { .update($0, arguments: arguments) }
        guard case .updated(let text, let log) = reply else { throw .unexpectedReply }
        tell(log, of: functions)
        return Array(text)
    }

    /// Compiles functions, to say what is wrong with them before they are stored.
    ///
    /// - Throws: The first function that does not compile, with line and column.
    package func check(_ functions: ScriptFunctions) async throws(ScriptError) {
        guard case .done = try await call(.check, functions, { .check($0) }) else { throw .unexpectedReply }
    }

    /// What is wrong with a text, which is parsed as what it is to be and never run; nil when nothing is.
    ///
    /// That a host was killed, stood still or had no memory left is its fault only when it is so in new hosts, too.
    ///
    /// - Throws: That no host could say.
    package func fault(in text: String, as form: SourceForm) async throws(ScriptError) -> ScriptError? {
        try check([Array(text.utf8)[...]])
        do throws(ScriptError) {
            try await insisting { () async throws(ScriptError) in
                let (reply, _) = try await perform(.parse, in: .shared) { _ in .parse(text: text, form: form) }
                guard case .done = reply else { throw .unexpectedReply }
            }
            return nil
        } catch {
            guard error.kind == .compilation || error.breaksLimit else { throw error }
            return error
        }
    }

    /// Makes a request about functions, and makes it again with their definition when the host has not got them.
    private func call(
        _ kind: ScriptMetrics.Request,
        _ functions: ScriptFunctions,
        _ request: @escaping @Sendable (FunctionsReference) -> HostRequest
    ) async throws(ScriptError) -> HostReply {
        let number = register.number(of: functions, next: nextIdentifier)
        let known = FunctionsReference(number: number, definition: nil)
        let (reply, host) = try await perform(kind, in: .functions(number)) { _ in request(known) }
        guard case .missing = reply else { return reply }
        let defined = FunctionsReference(
            number: number,
            definition: .init(sources: functions.sources, library: functions.library[...])
        )
        return try await perform(kind, in: .functions(number), preferring: host) { _ in request(defined) }.0
    }

    /// Refuses what is more than a host takes.
    private func check(_ documents: [ArraySlice<UInt8>]) throws(ScriptError) {
        guard documents.count <= Frame.maximumSections - 2 else {
            throw ScriptError(.inputLimit, "\(documents.count) texts in one request")
        }
        let size = documents.reduce(0) { $0 + $1.count }
        guard size <= limits.inputSize else {
            throw ScriptError(.inputLimit, "a request of \(size) bytes, where \(limits.inputSize) are allowed")
        }
    }
}

extension ScriptError {
    /// A host's reply is not one that the request can have.
    static let unexpectedReply = ScriptError(.protocolViolation, "the script host gave a reply that does not fit")
}
