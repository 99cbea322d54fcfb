import Projects
import Sequences
import Testing

@Suite struct OtherProjectsTests {
    @Test func `what is named of other projects is looked for among those that are live`() throws {
        let project = try ShopProject.read([
            "sequences/tell.yaml": """
            steps:
              - callSequence: office/pull
              - if: "true"
                then: [{callSequence: office/tell}]
              - callSequence: shop/pull
            """,
            "jobs/nightly.yaml": "sequence: offcie/pull\nschedule: {every: 1h}\n",
        ])
        let office = try ShopProject.read()
        let said = project.problems(among: ["office": office]).map(\.description)
        #expect(
            said == [
                "databases/docs/database.yaml:1:1: the live project 'office' has this database, too; its settings, and "
                    + "the design documents and indexes that both have, are as the project says that was deployed last",
                "jobs/nightly.yaml:1:11: there is no live project 'offcie'; did you mean 'office'?",
                "sequences/tell.yaml:4:27: the live project 'office' has no sequence 'tell'; known are 'login', "
                    + "'pull', 'push'",
            ]
        )
        #expect(try ShopProject.read().problems(among: [:]).isEmpty)
    }
}
