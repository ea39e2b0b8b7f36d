//! Sizes as people read them, and exactly.

/// A size for the eye, in units of 1024: "0 B", "1.5 KiB", "12 MiB".
pub fn human(bytes: u64) -> String {
    let mut unit = "B";
    let mut scale = 1_u64;
    for larger in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
        if bytes / scale < 1024 {
            break;
        }
        scale *= 1024;
        unit = larger;
    }
    let whole = bytes / scale;
    // One decimal below ten, cut off, so that a size is never shown as more than it is.
    let tenth = u128::from(bytes % scale) * 10 / u128::from(scale);
    if scale > 1 && whole < 10 { format!("{whole}.{tenth} {unit}") } else { format!("{whole} {unit}") }
}

/// The size to the byte: "1,234,567 bytes".
pub fn exact(bytes: u64) -> String {
    let digits = bytes.to_string();
    let mut grouped = String::with_capacity(digits.len() + 14);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped.push_str(if bytes == 1 { " byte" } else { " bytes" });
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_for_the_eye() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (10_239, "9.9 KiB"),
            (10_240, "10 KiB"),
            (1_048_575, "1023 KiB"),
            (1_048_576, "1.0 MiB"),
            (u64::MAX, "15 EiB"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(human(bytes), expected, "{bytes}");
        }
    }

    #[test]
    fn sizes_to_the_byte() {
        let cases = [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1000, "1,000 bytes"),
            (1_234_567, "1,234,567 bytes"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(exact(bytes), expected);
        }
    }
}
