//! Cue settings of WebVTT (section 4.4).

/// The valid settings of a list, each name once, separated by one space; and whether all were
/// valid. Regions are not supported, because they need definitions at the head of the file.
pub(crate) fn clean(list: &str) -> (String, bool) {
    let (mut out, mut names, mut all) = (String::new(), vec![], true);
    for setting in list.split_whitespace() {
        let Some((name, value)) = setting.split_once(':') else {
            all = false;
            continue;
        };
        if !is_valid(name, value) || names.contains(&name) {
            all = false;
            continue;
        }
        names.push(name);
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(setting);
    }
    (out, all)
}

fn is_valid(name: &str, value: &str) -> bool {
    let (value, alignment) = match value.split_once(',') {
        Some((value, alignment)) => (value, Some(alignment)),
        None => (value, None),
    };
    match name {
        "vertical" => alignment.is_none() && matches!(value, "rl" | "lr"),
        "line" => {
            let aligned = alignment.is_none_or(|it| matches!(it, "start" | "center" | "end"));
            aligned && (is_percentage(value) || is_line(value))
        }
        "position" => {
            let known = ["line-left", "center", "line-right"];
            alignment.is_none_or(|it| known.contains(&it)) && is_percentage(value)
        }
        "size" => alignment.is_none() && is_percentage(value),
        "align" => {
            let known = ["start", "center", "end", "left", "right"];
            alignment.is_none() && known.contains(&value)
        }
        _ => false,
    }
}

fn is_line(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    (1..=4).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit())
}

fn is_percentage(value: &str) -> bool {
    let Some(number) = value.strip_suffix('%') else {
        return false;
    };
    let is_decimal = number.len() <= 12
        && number.starts_with(|it: char| it.is_ascii_digit())
        && number.ends_with(|it: char| it.is_ascii_digit())
        && number.bytes().all(|it| it.is_ascii_digit() || it == b'.');
    is_decimal && number.parse::<f64>().is_ok_and(|it| it <= 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_settings_are_left_out() {
        for (list, expected, all) in [
            ("", "", true),
            ("line:0  align:start", "line:0 align:start", true),
            ("line:-1 size:35.5%", "line:-1 size:35.5%", true),
            (
                "line:90%,end position:10%,line-left",
                "line:90%,end position:10%,line-left",
                true,
            ),
            ("vertical:rl", "vertical:rl", true),
            ("line:0 line:1", "line:0", false),
            ("region:fred line:0", "line:0", false),
            ("size:101% position:5", "", false),
            ("size:.5% align:middle loud", "", false),
            ("X1:10 X2:20", "", false),
        ] {
            assert_eq!(clean(list), (expected.to_owned(), all), "{list}");
        }
    }
}
