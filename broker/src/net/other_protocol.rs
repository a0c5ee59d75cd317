//! Connections that speak something else than Kafka's protocol.

/// What the first bytes of a connection look like, if they are a protocol that people try by mistake.
pub(super) fn other_protocol(first: &[u8]) -> Option<&'static str> {
    // A TLS record: handshake, version 3.x.
    if let [0x16, 0x03, ..] = first {
        return Some("this looks like TLS; this listener is PLAINTEXT");
    }
    const METHODS: [&[u8]; 7] = [b"GET ", b"POST", b"PUT ", b"HEAD", b"OPTI", b"CONN", b"PRI "];
    METHODS
        .iter()
        .any(|method| first.starts_with(method))
        .then_some("this looks like HTTP; this listener speaks Kafka's protocol")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_protocols_are_known_by_their_first_bytes() {
        assert!(other_protocol(b"GET /metrics HTTP/1.1").is_some_and(|what| what.contains("HTTP")));
        assert!(other_protocol(&[0x16, 0x03, 0x01, 0x02, 0x00]).is_some_and(|what| what.contains("TLS")));
        assert_eq!(other_protocol(&[0, 0, 0, 20, 0, 18, 0, 3]), None);
    }
}
