import Contracts
import JSON
import Projects

/// Those who carry out transactions, one for each kind of connector.
struct BackEndCallers: Sendable {
    let http: HTTPCaller
    let sql: SQLCaller
    let ldap: LDAPCaller
    let amqp: AMQPCaller
    let smtp: SMTPCaller

    /// The call of a connector's transaction; nil when there is none that is carried out here.
    func prepare(
        _ call: ConnectorCall,
        of connector: Connector,
        until deadline: ContinuousClock.Instant
    ) -> PreparedCall? {
        switch connector.kind {
        case .http(let http):
            prepare(call, http, http.transactions[call.transaction], until: deadline, self.http.run)
        case .sql(let sql):
            prepare(call, sql, sql.transactions[call.transaction], until: deadline, self.sql.run)
        case .ldap(let ldap):
            prepare(call, ldap, ldap.transactions[call.transaction], until: deadline, self.ldap.run)
        case .amqp(let amqp):
            prepare(call, amqp, amqp.transactions[call.transaction], until: deadline, self.amqp.run)
        case .smtp(let smtp):
            prepare(call, smtp, smtp.transactions[call.transaction], until: deadline, self.smtp.run)
        case .fullSync, .directory: nil
        }
    }

    private func prepare<Connector, Transaction>(
        _ call: ConnectorCall,
        _ connector: Connector,
        _ transaction: Transaction?,
        until deadline: ContinuousClock.Instant,
        _ run: @escaping @Sendable (BackEndCall<Connector, Transaction>) async throws(Failure) -> JSONValue
    ) -> PreparedCall? {
        guard let transaction else { return nil }
        let call = BackEndCall(
            name: ConnectorName(project: call.project, connector: call.connector),
            connector: connector,
            transaction: transaction,
            variables: call.variables,
            idempotencyKey: call.idempotencyKey,
            session: call.session,
            deadline: deadline
        )
        return PreparedCall(title: call.title, isIdempotent: transaction.isIdempotent) {
            do throws(Failure) {
                return .success(try await run(call))
            } catch {
                return .failure(error)
            }
        }
    }
}
