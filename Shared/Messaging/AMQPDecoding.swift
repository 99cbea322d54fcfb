internal import CRabbitMQ

// Values of the library, copied into Swift's and checked on the way. The pointers behind them live until the channel's
// buffers are released, which is right after the frame was taken apart.

extension amqp_bytes_t {
    /// A copy of the bytes.
    var copied: [UInt8] {
        guard let bytes, len > 0 else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: bytes, count: len))
    }

    /// The text; nil when it is not valid UTF-8.
    var text: String? {
        guard let bytes, len > 0 else { return "" }
        return String(validating: UnsafeRawBufferPointer(start: bytes, count: len), as: UTF8.self)
    }

    /// The text, with what is not valid UTF-8 replaced: for names that only have to be shown or compared.
    var repairedText: String {
        guard let bytes, len > 0 else { return "" }
        return String(decoding: UnsafeRawBufferPointer(start: bytes, count: len), as: UTF8.self)
    }
}

extension MessageProperties {
    /// The properties of a content header frame; none when it is of another class.
    init(_ frame: amqp_frame_t) {
        let payload = frame.payload.properties
        guard payload.class_id == UInt16(AMQP_BASIC_CLASS), let decoded = payload.decoded else { return }
        let properties = decoded.assumingMemoryBound(to: amqp_basic_properties_t.self)
        func has(_ flag: Int32) -> Bool {
            properties.pointee._flags & amqp_flags_t(flag) != 0
        }
        contentType = has(AMQP_BASIC_CONTENT_TYPE_FLAG) ? properties.pointee.content_type.text : nil
        messageID = has(AMQP_BASIC_MESSAGE_ID_FLAG) ? properties.pointee.message_id.text : nil
        correlationID = has(AMQP_BASIC_CORRELATION_ID_FLAG) ? properties.pointee.correlation_id.text : nil
        replyTo = has(AMQP_BASIC_REPLY_TO_FLAG) ? properties.pointee.reply_to.text : nil
        timestamp = has(AMQP_BASIC_TIMESTAMP_FLAG) ? properties.pointee.timestamp : nil
        expiration = has(AMQP_BASIC_EXPIRATION_FLAG) ? properties.pointee.expiration.text : nil
        isPersistent = has(AMQP_BASIC_DELIVERY_MODE_FLAG) && properties.pointee.delivery_mode == 2
        if has(AMQP_BASIC_HEADERS_FLAG) {
            var remaining = HeaderLimits.values
            headers = Self.table(properties.pointee.headers, depth: 1, remaining: &remaining) ?? [:]
        }
    }

    /// A table within the bounds; nil when it is nested too deep.
    private static func table(
        _ table: amqp_table_t,
        depth: Int,
        remaining: inout Int
    ) -> [String: HeaderValue]? {
        guard depth <= HeaderLimits.depth else { return nil }
        var result: [String: HeaderValue] = [:]
        for entry in UnsafeBufferPointer(start: table.entries, count: Int(table.num_entries)) {
            guard let key = entry.key.text, let value = value(entry.value, depth: depth, remaining: &remaining) else {
                continue
            }
            result[key] = value
        }
        return result
    }

    private static func value(_ field: amqp_field_value_t, depth: Int, remaining: inout Int) -> HeaderValue? {
        guard remaining > 0 else { return nil }
        remaining -= 1
        switch amqp_field_value_kind_t(rawValue: .init(field.kind)) {
        case AMQP_FIELD_KIND_VOID: return .null
        case AMQP_FIELD_KIND_BOOLEAN: return .bool(field.value.boolean != 0)
        case AMQP_FIELD_KIND_F32: return .double(Double(field.value.f32))
        case AMQP_FIELD_KIND_F64: return .double(field.value.f64)
        case AMQP_FIELD_KIND_DECIMAL:
            return .decimal(scale: field.value.decimal.decimals, value: field.value.decimal.value)
        case AMQP_FIELD_KIND_UTF8:
            return field.value.bytes.text.map(HeaderValue.string) ?? .bytes(field.value.bytes.copied)
        case AMQP_FIELD_KIND_BYTES: return .bytes(field.value.bytes.copied)
        case AMQP_FIELD_KIND_TIMESTAMP: return .timestamp(field.value.u64)
        case AMQP_FIELD_KIND_TABLE:
            return table(field.value.table, depth: depth + 1, remaining: &remaining).map(HeaderValue.table)
        case AMQP_FIELD_KIND_ARRAY:
            guard depth < HeaderLimits.depth else { return nil }
            let array = field.value.array
            let fields = UnsafeBufferPointer(start: array.entries, count: Int(array.num_entries))
            return .array(fields.compactMap { value($0, depth: depth + 1, remaining: &remaining) })
        default: return integer(field)
        }
    }

    private static func integer(_ field: amqp_field_value_t) -> HeaderValue? {
        switch amqp_field_value_kind_t(rawValue: .init(field.kind)) {
        case AMQP_FIELD_KIND_I8: .int(Int64(field.value.i8))
        case AMQP_FIELD_KIND_U8: .int(Int64(field.value.u8))
        case AMQP_FIELD_KIND_I16: .int(Int64(field.value.i16))
        case AMQP_FIELD_KIND_U16: .int(Int64(field.value.u16))
        case AMQP_FIELD_KIND_I32: .int(Int64(field.value.i32))
        case AMQP_FIELD_KIND_U32: .int(Int64(field.value.u32))
        case AMQP_FIELD_KIND_I64: .int(field.value.i64)
        case AMQP_FIELD_KIND_U64: .int(Int64(clamping: field.value.u64))
        default: nil
        }
    }
}
