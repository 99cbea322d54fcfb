import JSON

/// The demo's company: the same teams, technicians, customers, parts and work orders at every first start.
struct SeedPlan {
    static let technicianCount = 50
    static let customerCount = 200
    static let partCount = 300
    static let workOrderCount = 2_000

    let teams = ["north", "south", "east", "west", "centre"]
    private(set) var technicians: [JSONObject] = []
    private(set) var customers: [JSONObject] = []
    private(set) var parts: [JSONObject] = []
    private(set) var workOrders: [JSONObject] = []

    init() {
        var random = SplitMix64(seed: 2_026)
        makeTechnicians()
        makeCustomers(&random)
        makeParts(&random)
        makeWorkOrders(&random)
    }

    /// The password that a demo technician of that login has.
    static func password(of login: String) -> String {
        "\(login)-2026"
    }

    private mutating func makeTechnicians() {
        for index in 0..<Self.technicianCount {
            // 10 first names and 5 family names make 50 people; the family name's step spreads them over the teams.
            let first = SeedWords.firstNames[index % SeedWords.firstNames.count]
            let last = SeedWords.lastNames[index / SeedWords.firstNames.count]
            technicians.append([
                "login": .string("\(first).\(last)".lowercased()), "name": .string("\(first) \(last)"),
                "team": .string(teams[index % teams.count]),
            ])
        }
    }

    private mutating func makeCustomers(_ random: inout SplitMix64) {
        for index in 1...Self.customerCount {
            let number = String(index)
            customers.append([
                "id": .string("C-" + String(repeating: "0", count: 4 - number.count) + number),
                "name": .string("\(random.pick(SeedWords.companies)) \(random.pick(SeedWords.companyKinds))"),
                "street": .string("\(1 + random.next() % 120) \(random.pick(SeedWords.streets))"),
                "city": .string(random.pick(SeedWords.cities)),
                "phone": .string("+33 1 \(10_000_000 + random.next() % 90_000_000)"),
                "team": .string(teams[index % teams.count]),
            ])
        }
    }

    private mutating func makeParts(_ random: inout SplitMix64) {
        for index in 1...Self.partCount {
            let number = String(index)
            let kind = SeedWords.parts[index % SeedWords.parts.count]
            parts.append([
                "id": .string("P-" + String(repeating: "0", count: 4 - number.count) + number),
                "name": .string("\(kind) \(SeedWords.sizes[index / SeedWords.parts.count % SeedWords.sizes.count])"),
                "unit": .string(kind.hasSuffix("hose") || kind.hasSuffix("cable") ? "m" : "piece"),
                "price_cents": .number(JSONNumber(Int(100 + random.next() % 40_000))),
            ])
        }
    }

    private mutating func makeWorkOrders(_ random: inout SplitMix64) {
        let byTeam = Dictionary(grouping: technicians) { $0["team"] }
        for index in 1...Self.workOrderCount {
            let number = String(index)
            let customer = customers[index % customers.count]
            let crew = byTeam[customer["team"]] ?? technicians
            let machine = random.pick(SeedWords.machines)
            let problem = random.pick(SeedWords.problems)
            workOrders.append([
                "number": .string("WO-" + String(repeating: "0", count: 5 - number.count) + number),
                "title": .string("\(machine): \(problem)"),
                "description": .string(
                    "The customer reports: \(problem) at the \(machine.lowercased()). Check and repair."
                ),
                "priority": .string(random.pick(["low", "normal", "normal", "high"])),
                "status": .string(random.pick(["open", "open", "open", "in_progress"])),
                "customer": customer["id"] ?? .null,
                "technician": random.pick(crew)["login"] ?? .null,
                "team": customer["team"] ?? .null,
                "version": .number(JSONNumber(index)),
            ])
        }
    }
}
