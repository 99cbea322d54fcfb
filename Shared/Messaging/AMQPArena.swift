internal import CRabbitMQ

/// Memory for the C values of one call, on the library's own pool; recycled as a whole, so that a call costs no malloc.
struct AMQPArena: ~Copyable {
    private let pool: UnsafeMutablePointer<amqp_pool_t>

    init() {
        pool = .allocate(capacity: 1)
        init_amqp_pool(pool, 4_096)
    }

    deinit {
        empty_amqp_pool(pool)
        pool.deallocate()
    }

    /// Ends the life of everything that was made here.
    func recycle() {
        recycle_amqp_pool(pool)
    }

    /// A copy of the text.
    func bytes(_ text: String) -> amqp_bytes_t {
        var text = text
        return text.withUTF8 { copy(UnsafeRawBufferPointer($0)) }
    }

    /// A header table (`amqp_table_t`).
    func table(_ headers: [String: HeaderValue]) -> amqp_table_t {
        let entries = allocate(headers.count, of: amqp_table_entry_t.self)
        for (index, (key, value)) in headers.enumerated() {
            entries?.advanced(by: index).initialize(to: amqp_table_entry_t(key: bytes(key), value: field(value)))
        }
        return amqp_table_t(num_entries: entries == nil ? 0 : Int32(headers.count), entries: entries)
    }

    private func array(_ values: [HeaderValue]) -> amqp_array_t {
        let entries = allocate(values.count, of: amqp_field_value_t.self)
        for (index, value) in values.enumerated() {
            entries?.advanced(by: index).initialize(to: field(value))
        }
        return amqp_array_t(num_entries: entries == nil ? 0 : Int32(values.count), entries: entries)
    }

    private func field(_ value: HeaderValue) -> amqp_field_value_t {
        var field = amqp_field_value_t()
        let kind: amqp_field_value_kind_t
        switch value {
        case .null:
            kind = AMQP_FIELD_KIND_VOID
        case .bool(let flag):
            kind = AMQP_FIELD_KIND_BOOLEAN
            field.value.boolean = flag ? 1 : 0
        case .int(let number):
            kind = AMQP_FIELD_KIND_I64
            field.value.i64 = number
        case .double(let number):
            kind = AMQP_FIELD_KIND_F64
            field.value.f64 = number
        case .decimal(let scale, let value):
            kind = AMQP_FIELD_KIND_DECIMAL
            field.value.decimal = amqp_decimal_t(decimals: scale, value: value)
        case .string(let text):
            kind = AMQP_FIELD_KIND_UTF8
            field.value.bytes = bytes(text)
        case .bytes(let bytes):
            kind = AMQP_FIELD_KIND_BYTES
            field.value.bytes = bytes.withUnsafeBytes { copy($0) }
        case .timestamp(let seconds):
            kind = AMQP_FIELD_KIND_TIMESTAMP
            field.value.u64 = seconds
        case .array(let values):
            kind = AMQP_FIELD_KIND_ARRAY
            field.value.array = array(values)
        case .table(let table):
            kind = AMQP_FIELD_KIND_TABLE
            field.value.table = self.table(table)
        }
        field.kind = UInt8(kind.rawValue)
        return field
    }

    private func copy(_ source: UnsafeRawBufferPointer) -> amqp_bytes_t {
        guard let base = source.baseAddress, let target = amqp_pool_alloc(pool, source.count) else {
            return amqp_empty_bytes
        }
        target.copyMemory(from: base, byteCount: source.count)
        return amqp_bytes_t(len: source.count, bytes: target)
    }

    private func allocate<Element>(_ count: Int, of type: Element.Type) -> UnsafeMutablePointer<Element>? {
        amqp_pool_alloc(pool, count * MemoryLayout<Element>.stride)?.bindMemory(to: type, capacity: count)
    }
}
