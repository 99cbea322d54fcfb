import Foundation

/// What the system knows of this process, under the names that Prometheus's client libraries share.
///
/// Read from `/proc` when it is asked for; where there is none, nothing is written.
enum ProcessMetrics {
    static func write(to output: inout ExpositionWriter) {
        guard let process = readProcess() else { return }
        output.begin("process_resident_memory_bytes", .gauge, help: "Resident memory size in bytes.")
        output.sample("process_resident_memory_bytes", "", "\(process.residentBytes)")
        output.begin("process_cpu_seconds_total", .counter, help: "User and system CPU time in seconds.")
        output.sample("process_cpu_seconds_total", "", process.cpuSeconds)
        output.begin("process_start_time_seconds", .gauge, help: "Start time since the Unix epoch in seconds.")
        output.sample("process_start_time_seconds", "", process.startSeconds)
        if let count = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count {
            output.begin("process_open_fds", .gauge, help: "Open file descriptors.")
            output.sample("process_open_fds", "", "\(count)")
        }
    }

    private struct ProcessState {
        let residentBytes: Int
        let cpuSeconds: Double
        let startSeconds: Double
    }

    /// The fields of `/proc/self/stat`, counted from 1 as proc(5) does; the second one, the program's name in
    /// parentheses, may hold spaces.
    private static func readProcess() -> ProcessState? {
        guard let stat = readText("/proc/self/stat"), let end = stat.lastIndex(of: ")"),
            let system = readText("/proc/stat"),
            let bootLine = system.split(separator: "\n").first(where: { $0.hasPrefix("btime ") }),
            let boot = Double(bootLine.dropFirst(6))
        else { return nil }
        let fields = stat[end...].split(separator: " ").dropFirst().compactMap { Double($0) ?? 0 }
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        // The first of these fields is the third of the file.
        guard fields.count > 21, ticks > 0 else { return nil }
        return ProcessState(
            residentBytes: Int(fields[21]) * sysconf(Int32(_SC_PAGESIZE)),
            cpuSeconds: (fields[11] + fields[12]) / ticks,
            startSeconds: boot + fields[19] / ticks
        )
    }

    private static func readText(_ path: String) -> String? {
        try? String(contentsOfFile: path, encoding: .utf8)
    }
}
