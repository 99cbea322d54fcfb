import Logging

/// Keeps one host running and hands it what waits, one request at a time.
struct HostSupervisor: Sendable {
    let host: HostProcess
    let limits: ScriptLimits
    let queue: JobQueue
    let metrics: ScriptMetrics
    let logger: Logger
    let sessions: SessionRegister
    let nextKey: @Sendable () -> JobQueue.HostKey

    /// How long the first pause is after a start that came to nothing; each further one is twice as long.
    private static let firstPause = Duration.milliseconds(100)
    private static let longestPause = Duration.seconds(5)

    /// Runs until it is cancelled; the host has ended then.
    func run() async {
        var pause = Self.firstPause
        while !Task.isCancelled {
            do throws(HostProcess.Failure) {
                try await host.start()
                // A host that did some work ended by what it was given; one that did none is not to be hurried.
                let key = nextKey()
                let answered = await serve(key)
                sessions.forget(key)
                if answered > 0 {
                    pause = Self.firstPause
                    continue
                }
            } catch {
                metrics.hostEnded(.start)
                logger.error("a script host does not start", metadata: ["reason": "\(error)"])
            }
            if Task.isCancelled { break }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, Self.longestPause)
        }
        await host.stop()
        host.shutdown()
    }

    /// Serves requests until the host ends; says how many it answered.
    private func serve(_ key: JobQueue.HostKey) async -> Int {
        var answered = 0
        var completion: (() -> Void)?
        defer { queue.release(key) }
        while let job = await queue.next(for: key, completing: completion) {
            completion = nil
            let began = ContinuousClock.now
            metrics.waited(job.submitted.duration(to: began))
            do throws(HostProcess.Failure) {
                let reply = try await exchange(job.request(key))
                metrics.worked(began.duration(to: .now))
                guard case .dying(let error) = reply else {
                    answered += 1
                    completion = { job.complete(.success((reply, key))) }
                    continue
                }
                job.complete(.success((reply, key)))
                metrics.hostEnded(error.kind == .memoryLimit ? .memoryLimit : .timeLimit)
                logger.warning("a script ended its host", metadata: ["error": "\(error)"])
                return answered + 1
            } catch {
                settle(job, after: error)
                return answered
            }
        }
        return answered
    }

    private func exchange(_ request: HostRequest) async throws(HostProcess.Failure) -> HostReply {
        let result = await withTaskCancellationHandler {
            do throws(HostProcess.Failure) {
                return Result<HostReply, HostProcess.Failure>
                    .success(try await host.exchange(request, within: limits.batchTime))
            } catch {
                return .failure(error)
            }
        } onCancel: {
            host.kill()
        }
        return try result.get()
    }

    /// Completes, or gives to another host, the request that a host ended with.
    private func settle(_ job: JobQueue.Job, after failure: HostProcess.Failure) {
        if Task.isCancelled {
            job.complete(.failure(.poolHasEnded))
            return
        }
        logger.warning("a script host ended", metadata: ["reason": "\(failure)"])
        metrics.hostEnded(failure.label)
        switch failure {
        case .deadline:
            job.complete(.failure(ScriptError(.deadline, "the script host did not answer in time")))
        case .malformed(let reason):
            job.complete(.failure(ScriptError(.protocolViolation, reason)))
        case .start(let reason):
            job.complete(.failure(ScriptError(.hostDied, reason)))
        case .absent:
            queue.submit(job, first: true)
        case .ended(let end):
            if let error = end.error(isRetried: job.isRetried) {
                job.complete(.failure(error))
                return
            }
            var job = job
            job.isRetried = true
            queue.submit(job, first: true)
        }
    }
}

extension HostProcess.Failure {
    /// The failure as a metric's label.
    fileprivate var label: ScriptMetrics.End {
        switch self {
        case .start: .start
        case .deadline: .deadline
        case .malformed: .malformed
        case .absent, .ended: .ended
        }
    }
}

extension ChildProcess.End: CustomStringConvertible {
    /// What the end means to the request that the process had in hand; nil when another process may try.
    ///
    /// A process that ended by a fault of its own would do so again with the same script. One that was killed, by the
    /// system for its memory perhaps, gets one more chance.
    func error(isRetried: Bool) -> ScriptError? {
        switch self {
        case .exit(HostExit.memoryLimit.rawValue):
            ScriptError(.memoryLimit, "the script takes more memory than it may")
        case .exit(HostExit.timeLimit.rawValue):
            ScriptError(.timeLimit, "the script took too long")
        case .signal(let number) where Self.faults.contains(number):
            ScriptError(.hostDied, "the script host crashed: \(self)")
        case .exit, .signal:
            isRetried ? ScriptError(.hostDied, "two script hosts ended: \(self)") : nil
        }
    }

    var description: String {
        switch self {
        case .exit(let code): "exit code \(code)"
        case .signal(let number): "signal \(number)"
        }
    }
}
