//! The country of a phone number, for the countries whose currencies can be paid.

use payrun_core::PhoneNumber;

/// Calling code and ISO 3166 code. No calling code is the beginning of another, so there is one reading.
/// (Source: ITU-T E.164 list of assigned country codes. The dollar has no country of its own.)
const CALLING_CODES: [(&str, &str); 30] = [
    ("20", "EG"),
    ("27", "ZA"),
    ("221", "SN"),
    ("223", "ML"),
    ("224", "GN"),
    ("225", "CI"),
    ("226", "BF"),
    ("227", "NE"),
    ("228", "TG"),
    ("229", "BJ"),
    ("232", "SL"),
    ("233", "GH"),
    ("234", "NG"),
    ("235", "TD"),
    ("236", "CF"),
    ("237", "CM"),
    ("240", "GQ"),
    ("241", "GA"),
    ("242", "CG"),
    ("243", "CD"),
    ("245", "GW"),
    ("250", "RW"),
    ("251", "ET"),
    ("254", "KE"),
    ("255", "TZ"),
    ("256", "UG"),
    ("258", "MZ"),
    ("260", "ZM"),
    ("265", "MW"),
    ("266", "LS"),
];

/// Two capitals, such as `KE`.
pub(crate) fn of(phone: &PhoneNumber) -> Option<&'static str> {
    let digits = phone.as_str().trim_start_matches('+');
    CALLING_CODES
        .iter()
        .find(|(calling, _)| digits.starts_with(calling))
        .map(|(_, country)| *country)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_calling_code_begins_another() {
        for (index, (one, _)) in CALLING_CODES.iter().enumerate() {
            for (other, _) in CALLING_CODES.iter().skip(index + 1) {
                assert!(!one.starts_with(other) && !other.starts_with(one), "{one} {other}");
            }
        }
    }

    #[test]
    fn a_phone_has_the_country_of_its_code() {
        for (phone, country) in [
            ("+254712345678", Some("KE")),
            ("+256712345678", Some("UG")),
            ("+233241234567", Some("GH")),
            ("+27821234567", Some("ZA")),
            ("+201001234567", Some("EG")),
            ("+4915112345678", None),
            ("+12025550123", None),
        ] {
            assert_eq!(of(&PhoneNumber::from_e164(phone).unwrap()), country, "{phone}");
        }
    }
}
