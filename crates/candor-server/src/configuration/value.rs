//! Values as people write them: times, sizes, rates, hours, moments, addresses, field values.

use std::time::{Duration, SystemTime};

use candor_semantics::address::{Address, encode_path};
use toml::de::DeValue;
use toml::value::{Datetime, Offset};

use super::limits::Rate;
use super::routes::{Hours, RoutePath, Target};

pub(super) const A_TIME: &str = "a time such as \"10s\", \"5m\" or \"500ms\"";
pub(super) const A_MOMENT: &str = "a moment such as 2030-01-31T12:00:00Z";
pub(super) const AN_ADDRESS: &str = "an address such as \"/new.txt\"";

/// The longest time that can be written; sums of such times and today's date stay within every clock.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);

/// Reads `10s`, `1h30m`, `500ms`, `7d`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not {A_TIME}");
    let mut rest = text.trim();
    let mut sum = Duration::ZERO;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let (number, after) = leading_number(rest).ok_or_else(wrong)?;
        let unit_end = after.find(|letter: char| letter.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(unit_end).ok_or_else(wrong)?;
        let millis: u64 = match unit.trim() {
            "ms" => 1,
            "s" => 1000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 7 * 86_400_000,
            _ => return Err(wrong()),
        };
        let part = number.checked_mul(millis).map(Duration::from_millis);
        sum = part.and_then(|part| sum.checked_add(part)).unwrap_or(Duration::MAX);
        rest = after;
    }
    if sum > LONGEST { Err(format!("{text:?} is longer than a hundred years")) } else { Ok(sum) }
}

/// Reads `32KiB`, `10MB`, `512`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is not a size such as \"32KiB\" or \"1GiB\"");
    let (number, unit) = leading_number(text.trim()).ok_or_else(wrong)?;
    let factor: u64 = match unit.trim() {
        "" | "B" => 1,
        "KiB" | "K" | "k" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        "GiB" | "G" => 1 << 30,
        "TiB" | "T" => 1 << 40,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).filter(|size| *size <= i64::MAX as u64).ok_or_else(wrong)
}

/// Reads `100/s`, `10/m`, `1000/h`.
pub(super) fn rate(text: &str) -> Result<Rate, String> {
    let wrong = || format!("{text:?} is not a rate such as \"100/s\" or \"10/m\"");
    let (count, unit) = text.split_once('/').ok_or_else(wrong)?;
    let per = match unit.trim() {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let count = count.trim().parse().ok().filter(|count| *count > 0).ok_or_else(wrong)?;
    Ok(Rate { count, per: Duration::from_secs(per) })
}

/// Reads `02:00-04:00`; may pass midnight.
pub(super) fn hours(text: &str) -> Result<Hours, String> {
    let wrong = || format!("{text:?} is not a span of hours such as \"02:00-04:00\"");
    let minute = |text: &str| {
        let (hour, minute) = text.trim().split_once(':')?;
        let two = |text: &str, most: u16| {
            let digits = text.len() == 2 && text.bytes().all(|digit| digit.is_ascii_digit());
            text.parse().ok().filter(|number: &u16| digits && *number < most)
        };
        Some(two(hour, 24)? * 60 + two(minute, 60)?)
    };
    let (from, to) = text.split_once('-').ok_or_else(wrong)?;
    let (from, to) = minute(from).zip(minute(to)).filter(|(from, to)| from != to).ok_or_else(wrong)?;
    Ok(Hours { from, to })
}

/// Reads a TOML date and time, or the same as text (RFC 3339). A date alone is its first instant in UTC.
pub(super) fn moment(value: &DeValue<'_>) -> Result<SystemTime, String> {
    let written = match value {
        DeValue::Datetime(written) => *written,
        DeValue::String(text) => text.parse().map_err(|_| format!("{text:?} is not {A_MOMENT}"))?,
        _ => return Err(format!("this must be {A_MOMENT}")),
    };
    instant(&written)
}

fn instant(written: &Datetime) -> Result<SystemTime, String> {
    let wrong = |why: &str| format!("{written} is not {A_MOMENT}: {why}");
    let date = written.date.ok_or_else(|| wrong("the date is missing"))?;
    let days = days_since_epoch(i64::from(date.year), i64::from(date.month), i64::from(date.day));
    let Some(time) = written.time else { return at(days * 86_400).ok_or_else(|| wrong("it is before 1970")) };
    let east = match written.offset {
        Some(Offset::Z) => 0,
        Some(Offset::Custom { minutes }) => i64::from(minutes),
        None => return Err(wrong("it needs a zone, such as Z for UTC")),
    };
    let seconds =
        i64::from(time.hour) * 3600 + i64::from(time.minute) * 60 + i64::from(time.second.unwrap_or(0));
    at(days * 86_400 + seconds - east * 60).ok_or_else(|| wrong("it is before 1970"))
}

fn at(seconds: i64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))
}

/// Days from 1970-01-01 in the Gregorian calendar: years are counted from March, so that the leap day is last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let from_march = (month + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

fn leading_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, rest))
}

/// Reads the path of a route: as in a URL, percent-decoded once.
pub(super) fn route_path(text: &str) -> Result<RoutePath, String> {
    let path = decoded(text)?;
    Ok(if path.ends_with('/') { RoutePath::Subtree(path) } else { RoutePath::Exact(path) })
}

/// Reads an address of this site without a query, and gives it decoded.
pub(super) fn decoded(text: &str) -> Result<String, String> {
    if !text.starts_with('/') {
        return Err(format!("{text:?} does not begin with \"/\""));
    }
    if let Some(sign) = text.chars().find(|sign| matches!(sign, '?' | '#')) {
        return Err(format!(
            "{text:?} has a {sign:?}: routes go by the path alone (write %{:02X} for it)",
            sign as u32
        ));
    }
    if text.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(format!("{text:?} has a dot segment"));
    }
    let address = Address::parse(text.as_bytes())
        .map_err(|_| format!("{text:?} does not decode as a path (write %25 for a percent sign)"))?;
    if !address.is_nameable() {
        return Err(format!("{text:?} has an empty or encoded \"/\" and can name nothing"));
    }
    String::from_utf8(address.path().to_vec()).map_err(|_| format!("{text:?} does not decode to UTF-8"))
}

/// Reads where a redirect leads: an address of this site, with query and fragment if wanted, or an http(s) URL.
pub(super) fn target(text: &str) -> Result<Target, String> {
    if text.chars().any(|letter| letter.is_control()) {
        return Err(format!("{text:?} has control characters"));
    }
    let lower = text.to_ascii_lowercase();
    if let Some(rest) = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://")) {
        if rest.is_empty() || rest.starts_with('/') {
            return Err(format!("{text:?} names no host"));
        }
        return Ok(Target::Url(as_uri(text)));
    }
    if text.starts_with("//") {
        return Err(format!("{text:?} names a host without a scheme; write https://…"));
    }
    let path_end = text.find(['?', '#']).unwrap_or(text.len());
    let (path, rest) = text.split_at_checked(path_end).unwrap_or((text, ""));
    let path = decoded(path).map_err(|why| match text.contains("://") {
        true => format!("{text:?} is neither an address such as \"/new.txt\" nor an http or https URL"),
        false => why,
    })?;
    Ok(Target::Address { location: format!("{}{}", encode_path(path.as_bytes()), as_uri(rest)), path })
}

/// Percent-encodes what may not stand in a URI (RFC 3986 section 2), and leaves everything else as it is.
fn as_uri(text: &str) -> String {
    let mut uri = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => uri.push(char::from(byte)),
            _ if b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte) => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

/// Reads a field value (section 5.5): no control characters but tab, no blanks around.
pub(super) fn field_value(text: &str) -> Result<String, String> {
    let legal = !text.is_empty() && text.chars().all(|letter| letter == '\t' || !letter.is_control());
    if legal && text.trim() == text {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is not a legal field value"))
    }
}

/// Whether a text is a token (section 5.6.2).
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Reads the name of one file inside a folder.
pub(super) fn file_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.starts_with('.') || text.contains(['/', '\0']) {
        return Err(format!("{text:?} is not the name of a file in the same folder"));
    }
    Ok(text.to_owned())
}

/// Reads a path below a site's root.
pub(super) fn below_root(text: &str) -> Result<String, String> {
    let path = text.trim_start_matches('/');
    let climbs = path.split('/').any(|segment| segment.is_empty() || segment.starts_with('.'));
    if climbs || path.contains('\0') {
        return Err(format!("{text:?} is not a file below the site's root"));
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, millis) in [
            ("10s", 10_000),
            ("120s", 120_000),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("7d", 604_800_000),
            ("500ms", 500),
            ("1h30m", 5_400_000),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in
            ["", "10", "s", "10 parsecs", "-1s", "1.5s", "99999999999999999999s", "200000d", "1s1", "1s é"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(duration("18446744073709551615d").is_err());
    }

    #[test]
    fn sizes_rates_hours() {
        for (text, bytes) in
            [("32KiB", 32 << 10), ("1MiB", 1 << 20), ("1GiB", 1 << 30), ("512", 512), ("10 kB", 10_000)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "KiB", "1XiB", "99999999999TiB", "-1", "1.5MiB"] {
            assert!(size(text).is_err(), "{text}");
        }
        assert_eq!(rate("100/s"), Ok(Rate { count: 100, per: Duration::from_secs(1) }));
        assert_eq!(rate("10/m"), Ok(Rate { count: 10, per: Duration::from_secs(60) }));
        for text in ["", "100", "0/s", "/s", "10/d", "-1/s"] {
            assert!(rate(text).is_err(), "{text}");
        }
        assert_eq!(hours("02:00-04:30"), Ok(Hours { from: 120, to: 270 }));
        assert_eq!(hours("22:00-06:00"), Ok(Hours { from: 1320, to: 360 }));
        for text in
            ["", "2-4", "02:00", "24:00-01:00", "02:60-03:00", "02:00-02:00", "2:00-04:00", "+2:00-04:00"]
        {
            assert!(hours(text).is_err(), "{text}");
        }
    }

    #[test]
    fn moments() {
        let read = |text: &str| moment(&DeValue::String(text.into()));
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-11-24T23:30:00+01:00", 1_795_559_400),
            ("2026-11-25", 1_795_564_800),
            ("1999-12-31T23:59:59-00:30", 946_686_599),
        ] {
            assert_eq!(read(text), Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "tomorrow", "12:00:00", "2026-11-24T23:30:00", "1969-12-31", "2026-13-01"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn targets() {
        for (text, location) in [
            ("/new.txt", "/new.txt"),
            ("/a b?q=ä#top", "/a%20b?q=%C3%A4#top"),
            ("/a%20b", "/a%20b"),
            ("https://example.org/x y", "https://example.org/x%20y"),
        ] {
            assert_eq!(target(text).as_ref().map(Target::location), Ok(location), "{text}");
        }
        for text in
            ["", "new.txt", "//host/x", "https://", "https:///x", "javascript:x", "/a\nb", "/../x", "/%zz"]
        {
            assert!(target(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn paths_of_routes() {
        assert_eq!(route_path("/a%20b/"), Ok(RoutePath::Subtree("/a b/".into())));
        assert_eq!(route_path("/"), Ok(RoutePath::Subtree("/".into())));
        assert_eq!(route_path("/x"), Ok(RoutePath::Exact("/x".into())));
        for text in ["", "x", "/a//b", "/a/../b", "/%", "/a?b", "/a#b", "/%2f", "/%00", "/%ff"] {
            assert!(route_path(text).is_err(), "{text}");
        }
    }
}
