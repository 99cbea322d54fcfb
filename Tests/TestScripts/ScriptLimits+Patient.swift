package import ScriptHosting

extension ScriptLimits {
    /// Limits of time that a slow machine does not reach, for scripts that are not to be ended.
    package static var patient: ScriptLimits {
        var limits = ScriptLimits()
        (limits.startTime, limits.queueTime) = (.seconds(300), .seconds(600))
        (limits.callTime, limits.batchTime) = (.seconds(300), .seconds(600))
        return limits
    }

    /// A short time for a call, of the processor and not of the clock, which honest functions do not reach either.
    package static var impatient: ScriptLimits {
        var limits = patient
        limits.callTime = .milliseconds(300)
        return limits
    }
}
