//! Sizes, durations and addresses as text.

use std::time::Duration;

/// `256 MiB`, `64KB`, `100`: a whole number and a unit of bytes, which may be absent.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let factor: u64 = match unit {
        "" | "B" => 1,
        "KB" | "kB" => 1000,
        "MB" => 1000 * 1000,
        "GB" => 1000 * 1000 * 1000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// `500ms`, `30s`, `5 min`, `1h`: a whole number and a unit of time.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    Some(match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "min" => Duration::from_secs(number.checked_mul(60)?),
        "h" => Duration::from_secs(number.checked_mul(3600)?),
        _ => return None,
    })
}

/// `example.org:443` or `[::1]:80`: a host, without its brackets, and a port.
pub(super) fn parse_address(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let bracketed = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let valid = match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.')
        }
    };
    valid.then(|| (bracketed.unwrap_or(host).to_owned(), port))
}

fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '_')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number = number.replace('_', "").parse().ok()?;
    Some((number, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(parse_size("256 MiB"), Some(256 << 20));
        assert_eq!(parse_size("64KB"), Some(64_000));
        assert_eq!(parse_size("1_000"), Some(1000));
        for wrong in [
            "",
            "MiB",
            "1.5 MiB",
            "-1",
            "1 mib",
            "99999999999 GiB",
            "1 MiB x",
        ] {
            assert_eq!(parse_size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(parse_duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse_duration(" 5 min "), Some(Duration::from_secs(300)));
        for wrong in ["30", "", "s", "1 day", "-1s", "18446744073709551615h"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn addresses() {
        assert_eq!(
            parse_address("example.org:443"),
            Some(("example.org".into(), 443))
        );
        assert_eq!(parse_address("[::1]:80"), Some(("::1".into(), 80)));
        for wrong in [
            "example.org",
            ":80",
            "example.org:0",
            "example.org:99999",
            "*:80",
            "::1:80",
            "http://example.org:80",
            "[x]:80",
        ] {
            assert_eq!(parse_address(wrong), None, "{wrong}");
        }
    }
}
