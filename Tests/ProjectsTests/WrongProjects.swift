/// The wrong projects, by what is wrong with them.
enum WrongProjects {
    static let all = text + symbols + connectors + backEnds + sequences + others + indexes + tests + scripts
}
