//! Calendar months in UTC, by which costs are summed up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::time::UnixMillis;

/// Milliseconds of a day; UTC has no leap seconds in Unix time.
const DAY_MS: u64 = 86_400_000;
/// The first and the last year. Before, no video was made.
const YEARS: std::ops::RangeInclusive<u32> = 1970..=9999;

/// A month of the Gregorian calendar, from 1970 to 9999. Its text form is `2026-01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    year: u32,
    /// 1 to 12.
    month: u32,
}

impl Month {
    /// The month of a time. Times after the year 9999 are in its last month.
    pub fn of(time: UnixMillis) -> Self {
        // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`, for days after 1970.
        let days = time.get() / DAY_MS + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 {
            from_march + 3
        } else {
            from_march - 9
        };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        match u32::try_from(year) {
            Ok(year) if YEARS.contains(&year) => Self {
                year,
                month: month as u32,
            },
            _ => Self {
                year: *YEARS.end(),
                month: 12,
            },
        }
    }

    /// Its first moment.
    pub fn start(self) -> UnixMillis {
        // `days_from_civil` of the same article: the year begins in March.
        let year = u64::from(self.year) - u64::from(self.month <= 2);
        let from_march = u64::from(if self.month > 2 {
            self.month - 3
        } else {
            self.month + 9
        });
        let (era, year_of_era) = (year / 400, year % 400);
        let day_of_year = (153 * from_march + 2) / 5;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        UnixMillis::new((era * 146_097 + day_of_era - 719_468) * DAY_MS)
    }

    /// The first moment after it.
    pub fn end(self) -> UnixMillis {
        let next = match self.month {
            12 => Self {
                year: self.year + 1,
                month: 1,
            },
            month => Self {
                month: month + 1,
                ..self
            },
        };
        next.start()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:04}-{:02}", self.year, self.month))
    }
}

/// A text that is not a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use a year and a month from 1970 on: `2026-01`")]
pub struct InvalidMonth;

impl FromStr for Month {
    type Err = InvalidMonth;

    fn from_str(text: &str) -> Result<Self, InvalidMonth> {
        let digits = |text: &str, count: usize| {
            let is_number = text.len() == count && text.bytes().all(|it| it.is_ascii_digit());
            is_number.then(|| text.parse::<u32>().ok()).flatten()
        };
        let (year, month) = text.split_once('-').ok_or(InvalidMonth)?;
        match (digits(year, 4), digits(month, 2)) {
            (Some(year), Some(month)) if YEARS.contains(&year) && (1..=12).contains(&month) => {
                Ok(Self { year, month })
            }
            _ => Err(InvalidMonth),
        }
    }
}

impl TryFrom<String> for Month {
    type Error = InvalidMonth;

    fn try_from(text: String) -> Result<Self, InvalidMonth> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn months_begin_and_end() {
        for (text, start, end) in [
            ("1970-01", 0, 2_678_400_000),
            ("2000-02", 949_363_200_000, 951_868_800_000),
            ("2023-11", 1_698_796_800_000, 1_701_388_800_000),
            ("2100-02", 4_105_123_200_000, 4_107_542_400_000),
            ("9999-12", 253_399_622_400_000, 253_402_300_800_000),
        ] {
            let month: Month = text.parse().unwrap();
            assert_eq!(
                (month.start().get(), month.end().get()),
                (start, end),
                "{text}"
            );
            assert_eq!(month.to_string(), text);
            assert_eq!(Month::of(UnixMillis::new(start)), month);
            assert_eq!(Month::of(UnixMillis::new(end - 1)), month);
        }
        let late = Month::of(UnixMillis::new(u64::MAX));
        assert_eq!(late.to_string(), "9999-12");
    }

    #[test]
    fn other_texts_are_not_months() {
        for bad in [
            "",
            "2026",
            "2026-1",
            "2026-13",
            "2026-00",
            "1969-12",
            "26-01",
            "2026-01-01",
            "+026-01",
        ] {
            assert_eq!(bad.parse::<Month>(), Err(InvalidMonth), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_time_is_in_its_month(ms in 0..253_402_300_800_000_u64) {
            let (time, month) = (UnixMillis::new(ms), Month::of(UnixMillis::new(ms)));
            prop_assert!(month.start() <= time && time < month.end());
            prop_assert_eq!(month.to_string().parse(), Ok(month));
        }
    }
}
