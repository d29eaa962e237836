//! `--pace`: how many calls that move money, in how long.

use payrun::RateLimit;

/// Reads `20/s`, `60/min`, `1000/h`.
///
/// # Errors
/// A sentence for the person who typed it.
pub(crate) fn parse(text: &str) -> Result<RateLimit, String> {
    let form = || format!("'{text}' is no pace: write 20/s, 60/min or 1000/h");
    let (count, unit) = text.split_once('/').ok_or_else(form)?;
    let digits = count.bytes().all(|byte| byte.is_ascii_digit());
    let count: u32 = count.parse().ok().filter(|_| digits).ok_or_else(form)?;
    if count == 0 {
        return Err("a pace of 0 would never send anything".to_owned());
    }
    let seconds = match unit {
        "s" | "sec" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        _ => return Err(form()),
    };
    Ok(RateLimit::per_seconds(count, seconds))
}

/// How a pace is shown: `20/s`, `60/min`, `15 per 5 s`.
pub(crate) fn show(limit: RateLimit) -> String {
    let count = limit.count;
    match (limit.per.as_secs(), limit.per.subsec_nanos()) {
        (1, 0) => format!("{count}/s"),
        (60, 0) => format!("{count}/min"),
        (3600, 0) => format!("{count}/h"),
        _ => format!("{count} per {}", humantime::format_duration(limit.per)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_a_count_and_a_unit() {
        for (text, count, seconds, shown) in [
            ("20/s", 20, 1, "20/s"),
            ("1/sec", 1, 1, "1/s"),
            ("60/min", 60, 60, "60/min"),
            ("60/m", 60, 60, "60/min"),
            ("1000/h", 1000, 3600, "1000/h"),
        ] {
            let limit = parse(text).unwrap();
            assert_eq!(limit, RateLimit::per_seconds(count, seconds), "{text}");
            assert_eq!(show(limit), shown);
        }
        assert_eq!(show(RateLimit::per_seconds(15, 5)), "15 per 5s");
    }

    #[test]
    fn anything_else_is_refused_with_the_form_to_use() {
        for text in [
            "",
            "20",
            "/s",
            "20/",
            "0/s",
            "-1/s",
            "+1/s",
            "1.5/s",
            "20/day",
            "20 /s",
            "99999999999/s",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("20").unwrap_err().contains("20/s"));
    }

    #[test]
    fn durations_are_read_with_their_unit() {
        use std::time::Duration;
        for (text, millis) in
            [("200ms", 200), ("1s", 1000), ("5m", 300_000), ("1h", 3_600_000), ("0s", 0)]
        {
            assert_eq!(humantime::parse_duration(text).unwrap(), Duration::from_millis(millis));
        }
        for text in ["", "5", "-1s", "1 fortnight"] {
            assert!(humantime::parse_duration(text).is_err(), "{text}");
        }
    }
}
