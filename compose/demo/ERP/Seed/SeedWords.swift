/// The words of which the demo's company is made.
enum SeedWords {
    static let firstNames = ["Anna", "Boris", "Chloe", "David", "Elena", "Farid", "Greta", "Hugo", "Ines", "Jonas"]
    static let lastNames = ["Berg", "Costa", "Dubois", "Novak", "Silva"]
    static let companies = [
        "Alder", "Beacon", "Cobalt", "Delta", "Ember", "Falcon", "Garnet", "Harbour", "Iris", "Juniper", "Kestrel",
        "Linden", "Meridian", "Nimbus", "Opal", "Pioneer", "Quartz", "Riverside", "Summit", "Tundra",
    ]
    static let companyKinds = [
        "Bakery", "Brewery", "Clinic", "Dairy", "Foods", "Hotel", "Laundry", "Logistics", "Mills",
    ]
    static let streets = [
        "Canal Street", "Church Lane", "Garden Road", "Harbour Quay", "Market Square", "Mill Road", "Station Avenue",
        "Tower Hill",
    ]
    static let cities = [
        "Bordeaux", "Dijon", "Grenoble", "Lille", "Lyon", "Nantes", "Rennes", "Strasbourg", "Toulouse",
    ]
    static let machines = ["Boiler", "Chiller", "Compressor", "Conveyor", "Cooling tower", "Oven", "Pump", "Washer"]
    static let problems = [
        "does not start", "leaks oil", "makes a loud noise", "needs its yearly check", "overheats", "shows error E42",
        "stops after an hour", "trips the fuse",
    ]
    static let parts = [
        "Air filter", "Ball bearing", "Control cable", "Drive belt", "Fan blade", "Flange gasket", "Fuse", "Oil filter",
        "Pressure hose", "Pressure sensor", "Pump seal", "Relay", "Safety valve", "Thermostat", "Water hose",
    ]
    static let sizes = [
        "XS", "S", "M", "L", "XL", "A1", "A2", "A3", "B1", "B2", "B3", "C1", "C2", "C3", "D1", "D2", "D3", "E1", "E2",
        "E3",
    ]
}
