//! Parsers of values that several areas have.

use std::fmt;
use std::str::FromStr;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;

/// A comma-separated list; empty elements do not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(vec![])
    }
}

impl<T: FromStr> FromStr for List<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        let elements = text.split(',').map(str::trim).filter(|it| !it.is_empty());
        elements.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

/// `1` or `0`.
pub(crate) fn switch(text: &str) -> Result<bool, &'static str> {
    match text {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err("use 1 or 0"),
    }
}

/// A parser of secrets: its errors do not contain the value.
#[derive(Clone)]
pub(crate) struct SecretParser<F>(pub(crate) F);

impl<T, E, F> TypedValueParser for SecretParser<F>
where
    T: Clone + Send + Sync + 'static,
    E: fmt::Display,
    F: Fn(&str) -> Result<T, E> + Clone + Send + Sync + 'static,
{
    type Value = T;

    fn parse_ref(
        &self,
        command: &clap::Command,
        _arg: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<T, clap::Error> {
        let invalid =
            |reason: String| clap::Error::raw(ErrorKind::ValueValidation, reason).with_cmd(command);
        let text = value
            .to_str()
            .ok_or_else(|| invalid("it is not valid UTF-8".to_owned()))?;
        (self.0)(text).map_err(|error| invalid(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_switches() {
        assert_eq!(
            " small, large,".parse(),
            Ok(List(vec!["small".to_owned(), "large".to_owned()]))
        );
        assert_eq!(",".parse(), Ok(List::<String>::default()));
        assert!("1, x".parse::<List<u32>>().is_err());
        assert_eq!(
            (switch("1"), switch("false"), switch("perhaps")),
            (Ok(true), Ok(false), Err("use 1 or 0"))
        );
    }
}
