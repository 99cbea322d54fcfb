/// The table of speed: one case after the other, each in turns with the peer.
struct SpeedBench: Sendable {
    let stage: BenchStage
    let console: Console

    static let cases: [any BenchCase.Type] = [
        FirstPullCase.self, DatabaseSizeCase.self, GroupsCase.self, BulkDocsCase.self, SinglePutCase.self,
        WholeChangesCase.self, AllDocsCase.self, BulkGetCase.self, ViewsCase.self, FindCase.self, DeviceStoreCase.self,
        DeviceViewCase.self, LongpollCase.self, ConcurrentPullsCase.self, SequencesCase.self, MergeCase.self,
        SequenceStartCase.self, BackEndCase.self, DrainCase.self, BurstCase.self, SchedulesCase.self,
    ]

    /// Measures the cases of these names, and prints each line as it comes to be known, and the table at the end.
    func run(only names: [String]) async throws {
        var lines: [BenchLine] = []
        do {
            for kind in Self.cases where names.isEmpty || names.contains(kind.name) {
                stage.progress("— \(kind.name)")
                lines += try await kind.init().measure(stage)
            }
        } catch {
            // What was measured before is not lost by a later case.
            print(lines)
            await stage.clean()
            throw error
        }
        await stage.clean()
        print(lines)
    }

    private func print(_ lines: [BenchLine]) {
        guard !lines.isEmpty else { return }
        let scale = stage.scale == 1 ? "" : ", sets of \(stage.scale.short) of the size: the targets are for 1"
        console.print("\nSpeed, medians of \(stage.rounds)\(scale):\n")
        console.print(Table(BenchLine.header, lines.map(\.cells)).text)
    }
}
