//! Attribute lists (RFC 8216, 4.2).

use super::parse::{Place, Problem, ProblemKind};

/// One `NAME=value` of an attribute list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Name of the attribute.
    pub name: &'a str,
    /// Value as written, with quotes.
    pub raw: &'a str,
    /// Column of the value in its line, bytes, from 1.
    pub column: u32,
}

/// The attributes of one tag, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeList<'a> {
    tag: &'a str,
    line: u32,
    attributes: Vec<Attribute<'a>>,
}

/// Width and height, pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Resolution {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl<'a> AttributeList<'a> {
    /// Parses the value of a tag that begins at `place`. Invalid attributes are omitted and reported as problems.
    pub fn parse(tag: &'a str, value: &'a str, place: Place, problems: &mut Vec<Problem>) -> Self {
        let mut attributes: Vec<Attribute<'a>> = Vec::new();
        let mut rest = value;
        while !rest.is_empty() {
            let column = place.column + (value.len() - rest.len()) as u32;
            let mut report = |kind| {
                problems.push(Problem {
                    line: place.line,
                    column,
                    kind,
                })
            };
            let (name, after) = match rest.split_once('=') {
                Some((name, after)) if is_name(name) => (name, after),
                _ => {
                    report(ProblemKind::AttributeSyntax {
                        tag: tag.to_owned(),
                    });
                    // Skips to the next comma, so that one error does not hide the attributes that follow.
                    rest = rest.split_once(',').map_or("", |(_, after)| after);
                    continue;
                }
            };
            let length = raw_length(after);
            let (raw, after) = after.split_at(length);
            rest = match after.strip_prefix(',') {
                Some("") => {
                    report(ProblemKind::AttributeSyntax {
                        tag: tag.to_owned(),
                    });
                    ""
                }
                Some(after) => after,
                None => {
                    if !after.is_empty() {
                        report(ProblemKind::AttributeSyntax {
                            tag: tag.to_owned(),
                        });
                    }
                    after.split_once(',').map_or("", |(_, after)| after)
                }
            };
            if attributes.iter().any(|it| it.name == name) {
                report(ProblemKind::DuplicateAttribute {
                    tag: tag.to_owned(),
                    name: name.to_owned(),
                });
                continue;
            }
            attributes.push(Attribute {
                name,
                raw,
                column: column + name.len() as u32 + 1,
            });
        }
        Self {
            tag,
            line: place.line,
            attributes,
        }
    }

    /// All attributes, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Attribute<'a>> {
        self.attributes.iter()
    }

    /// An attribute as written.
    pub fn get(&self, name: &str) -> Option<Attribute<'a>> {
        self.attributes.iter().find(|it| it.name == name).copied()
    }

    /// A quoted string, without its quotes.
    pub fn quoted(&self, name: &str) -> Result<Option<&'a str>, Problem> {
        self.typed(name, "a quoted string", |raw| {
            raw.strip_prefix('"')?
                .strip_suffix('"')
                .filter(|it| !it.contains(['"', '\r', '\n']))
        })
    }

    /// A decimal integer of at most 64 bits.
    pub fn integer(&self, name: &str) -> Result<Option<u64>, Problem> {
        self.typed(name, "a decimal integer", decimal_integer)
    }

    /// A decimal floating-point number that is not negative.
    pub fn decimal(&self, name: &str) -> Result<Option<f64>, Problem> {
        self.typed(name, "a decimal number", decimal_float)
    }

    /// A decimal floating-point number of either sign.
    pub fn signed_decimal(&self, name: &str) -> Result<Option<f64>, Problem> {
        self.typed(name, "a decimal number", |raw| {
            match raw.strip_prefix('-') {
                Some(positive) => decimal_float(positive).map(|it| -it),
                None => decimal_float(raw),
            }
        })
    }

    /// `1920x1080`.
    pub fn resolution(&self, name: &str) -> Result<Option<Resolution>, Problem> {
        self.typed(name, "a resolution such as 1920x1080", |raw| {
            let (width, height) = raw.split_once('x')?;
            let side = |text| {
                decimal_integer(text)
                    .and_then(|it| u32::try_from(it).ok())
                    .filter(|it| *it > 0)
            };
            Some(Resolution {
                width: side(width)?,
                height: side(height)?,
            })
        })
    }

    /// A hexadecimal sequence of 16 octets, as initialisation vectors are; shorter ones are zero-extended.
    pub fn hex16(&self, name: &str) -> Result<Option<[u8; 16]>, Problem> {
        self.typed(name, "0x and at most 32 hexadecimal digits", |raw| {
            let digits = raw.strip_prefix("0x").or_else(|| raw.strip_prefix("0X"))?;
            let legal =
                (1..=32).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_hexdigit());
            legal
                .then(|| u128::from_str_radix(digits, 16).ok())
                .flatten()
                .map(u128::to_be_bytes)
        })
    }

    /// An enumerated string: unquoted, without white space.
    pub fn enumerated(&self, name: &str) -> Result<Option<&'a str>, Problem> {
        self.typed(name, "an enumerated string", |raw| {
            (!raw.is_empty() && !raw.contains(['"', ',']) && !raw.contains(char::is_whitespace))
                .then_some(raw)
        })
    }

    /// `YES` or `NO`.
    pub fn yes_no(&self, name: &str) -> Result<Option<bool>, Problem> {
        self.typed(name, "YES or NO", |raw| match raw {
            "YES" => Some(true),
            "NO" => Some(false),
            _ => None,
        })
    }

    /// The problem that an attribute is missing.
    pub fn missing(&self, name: &str) -> Problem {
        let kind = ProblemKind::MissingAttribute {
            tag: self.tag.to_owned(),
            name: name.to_owned(),
        };
        Problem {
            line: self.line,
            column: 1,
            kind,
        }
    }

    /// The problem that an attribute has an invalid value.
    pub fn bad(&self, name: &str, expected: &'static str) -> Problem {
        let column = self.get(name).map_or(1, |it| it.column);
        let kind = ProblemKind::BadAttribute {
            tag: self.tag.to_owned(),
            name: name.to_owned(),
            expected,
        };
        Problem {
            line: self.line,
            column,
            kind,
        }
    }

    fn typed<T>(
        &self,
        name: &str,
        expected: &'static str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(attribute) = self.get(name) else {
            return Ok(None);
        };
        read(attribute.raw)
            .map(Some)
            .ok_or_else(|| self.bad(name, expected))
    }
}

/// A decimal integer (RFC 8216, 4.2): digits only, at most 64 bits.
pub fn decimal_integer(text: &str) -> Option<u64> {
    (text.len() <= 20 && text.bytes().all(|it| it.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

/// A decimal floating-point number (RFC 8216, 4.2): digits and one point, no sign, no exponent.
pub fn decimal_float(text: &str) -> Option<f64> {
    let digits = text.bytes().any(|it| it.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let legal = digits
        && text.len() <= 64
        && [whole, fraction]
            .iter()
            .all(|it| it.bytes().all(|it| it.is_ascii_digit()));
    legal.then(|| number(whole, fraction))
}

/// Written by hand: the tables of a full parser would be a fifteenth of the edge worker. Exact for the digits that a
/// playlist needs: up to fifteen digits are exact, as is the power of ten that divides them.
fn number(whole: &str, fraction: &str) -> f64 {
    let (mut value, mut digits, mut shift) = (0_u64, 0, 0_i32);
    for (digit, step) in whole
        .bytes()
        .map(|it| (it, 0))
        .chain(fraction.bytes().map(|it| (it, 1)))
    {
        if digits < 15 {
            value = value * 10 + u64::from(digit - b'0');
            digits += u32::from(value > 0);
            shift -= step;
        } else {
            shift += 1 - step;
        }
    }
    let power = 10_f64.powi(shift.abs());
    if shift < 0 {
        value as f64 / power
    } else {
        value as f64 * power
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|it| matches!(it, b'A'..=b'Z' | b'0'..=b'9' | b'-'))
}

/// The length of the value at the start of `text`: up to the comma, except commas in quotes.
fn raw_length(text: &str) -> usize {
    if let Some(inside) = text.strip_prefix('"') {
        return inside.find('"').map_or(text.len(), |end| end + 2);
    }
    text.find(',').unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn decimals_are_read_as_by_the_standard_library(whole in "[0-9]{0,7}", fraction in "[0-9]{0,8}") {
            let text = format!("{whole}.{fraction}");
            prop_assert_eq!(decimal_float(&text), text.parse().ok());
        }

        #[test]
        fn long_decimals_are_read_closely(text in "[0-9]{1,30}(\\.[0-9]{0,30})?") {
            let (ours, exact) = (decimal_float(&text).unwrap(), text.parse::<f64>().unwrap());
            prop_assert!((ours - exact).abs() <= exact * 1e-14, "{} {}", ours, exact);
        }
    }

    fn parse(value: &str) -> (AttributeList<'_>, Vec<Problem>) {
        let mut problems = vec![];
        let list = AttributeList::parse(
            "#EXT-X-TEST",
            value,
            Place {
                line: 3,
                column: 13,
            },
            &mut problems,
        );
        (list, problems)
    }

    #[test]
    fn typed_values() {
        let (list, problems) = parse(
            "URI=\"a,b=c\",BANDWIDTH=2000,FRAME-RATE=29.970,RESOLUTION=854x480,IV=0x1f,TYPE=AUDIO,DEFAULT=YES,TIME-OFFSET=-1.5",
        );
        assert_eq!(problems, []);
        assert_eq!(list.quoted("URI"), Ok(Some("a,b=c")));
        assert_eq!(list.integer("BANDWIDTH"), Ok(Some(2000)));
        assert_eq!(list.decimal("FRAME-RATE"), Ok(Some(29.97)));
        assert_eq!(
            list.resolution("RESOLUTION"),
            Ok(Some(Resolution {
                width: 854,
                height: 480
            }))
        );
        assert_eq!(list.hex16("IV"), Ok(Some(31_u128.to_be_bytes())));
        assert_eq!(list.enumerated("TYPE"), Ok(Some("AUDIO")));
        assert_eq!(list.yes_no("DEFAULT"), Ok(Some(true)));
        assert_eq!(list.signed_decimal("TIME-OFFSET"), Ok(Some(-1.5)));
        assert_eq!(list.quoted("NOT-THERE"), Ok(None));
    }

    #[test]
    fn wrong_values_have_a_place_and_a_sentence() {
        let mut table = String::new();
        let (list, problems) = parse("URI=a.key,IV=1f,B=-1,R=854*480,Q=\"open");
        assert_eq!(problems, []);
        for problem in [
            list.quoted("URI").unwrap_err(),
            list.hex16("IV").unwrap_err(),
            list.integer("B").unwrap_err(),
            list.resolution("R").unwrap_err(),
            list.quoted("Q").unwrap_err(),
            list.missing("METHOD"),
        ] {
            table += &format!("{problem}\n");
        }
        for value in [
            "lower=1,GOOD=2",
            "A=1,A=2",
            "A=1,",
            "A=\"x\"y,B=1",
            "=1",
            "novalue",
        ] {
            for problem in parse(value).1 {
                table += &format!("{problem}\n");
            }
        }
        insta::assert_snapshot!(table, @"
        line 3, column 17: URI of #EXT-X-TEST must be a quoted string (RFC 8216, 4.2)
        line 3, column 26: IV of #EXT-X-TEST must be 0x and at most 32 hexadecimal digits (RFC 8216, 4.2)
        line 3, column 31: B of #EXT-X-TEST must be a decimal integer (RFC 8216, 4.2)
        line 3, column 36: R of #EXT-X-TEST must be a resolution such as 1920x1080 (RFC 8216, 4.2)
        line 3, column 46: Q of #EXT-X-TEST must be a quoted string (RFC 8216, 4.2)
        line 3, column 1: #EXT-X-TEST needs METHOD (RFC 8216, 4.3)
        line 3, column 13: the attributes of #EXT-X-TEST cannot be read: NAME=value, separated by commas without spaces, is expected here (RFC 8216, 4.2)
        line 3, column 17: #EXT-X-TEST has A more than once (RFC 8216, 4.2)
        line 3, column 13: the attributes of #EXT-X-TEST cannot be read: NAME=value, separated by commas without spaces, is expected here (RFC 8216, 4.2)
        line 3, column 13: the attributes of #EXT-X-TEST cannot be read: NAME=value, separated by commas without spaces, is expected here (RFC 8216, 4.2)
        line 3, column 13: the attributes of #EXT-X-TEST cannot be read: NAME=value, separated by commas without spaces, is expected here (RFC 8216, 4.2)
        line 3, column 13: the attributes of #EXT-X-TEST cannot be read: NAME=value, separated by commas without spaces, is expected here (RFC 8216, 4.2)
        ");
    }

    #[test]
    fn a_slip_does_not_hide_what_follows() {
        let (list, problems) = parse("lower=1,GOOD=2");
        assert_eq!(problems.len(), 1);
        assert_eq!(list.integer("GOOD"), Ok(Some(2)));
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(value in "([A-Z=\",0-9x.-]|\\PC){0,80}") {
            let (list, _) = parse(&value);
            for attribute in list.iter() {
                prop_assert!(value.contains(attribute.raw));
            }
        }
    }
}
