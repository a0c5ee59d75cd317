//! CRC32C (Castagnoli), as it stands in record batches (KIP-98), and in whatever else of ours must show damage.
//!
//! One place, since it is all of the bytes that a broker takes, twice: by carry-less multiplication it runs at 50 GB/s and more
//! on one CPU, twice what the instruction of its name reaches.

use crc_fast::{CrcAlgorithm, Digest, crc32_iscsi};

/// Of these bytes.
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc32_iscsi(bytes)
}

/// Of bytes whose CRC is `crc`, and these behind them.
pub fn crc32c_append(crc: u32, bytes: &[u8]) -> u32 {
    let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc32Iscsi, u64::from(!crc));
    digest.update(bytes);
    digest.finalize() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3720, B.4; the check value of the catalogue of parametrised CRC algorithms (CRC-32/ISCSI); and nothing.
    #[test]
    fn it_is_the_crc_of_the_rfc() {
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
        assert_eq!(crc32c(&[0xFF; 32]), 0x62A8_AB43);
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32c(b""), 0);
    }

    /// Every length takes another way through wide registers and what is left of them.
    #[test]
    fn it_is_what_the_plain_one_says_at_any_length_and_cut() {
        let bytes: Vec<u8> = (0..3000u32).map(|n| ((n * n) >> 3) as u8).collect();
        for len in (0..600).chain([1023, 1024, 1025, 2047, 2999, 3000]) {
            let bytes = &bytes[..len];
            assert_eq!(crc32c(bytes), plain(bytes), "{len}");
            let (left, right) = bytes.split_at(len * 2 / 3);
            assert_eq!(crc32c_append(crc32c(left), right), plain(bytes), "{len}");
        }
    }

    fn plain(bytes: &[u8]) -> u32 {
        let step = |crc: u32, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0x82F6_3B78
            } else {
                crc >> 1
            }
        };
        !bytes
            .iter()
            .fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
    }
}
