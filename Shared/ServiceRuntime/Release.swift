/// What this build is called.
package enum Release {
    package static let name = "Full Sync"
    package static let version = "0.1.0"
}
