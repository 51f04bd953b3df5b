//! The table obeys the naming rules of Prometheus, and the page of the documentation has all of it.

use std::collections::BTreeSet;

use super::*;
use crate::definition::Kind;

/// <https://prometheus.io/docs/practices/naming/>
#[test]
fn names_follow_the_rules_of_prometheus() {
    for it in ALL {
        let name = it.name;
        assert!(name.starts_with("edgereel_"), "{name}");
        let is_plain = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(name.chars().all(is_plain), "{name}");
        let is_counter = it.kind == Kind::Counter;
        assert_eq!(name.ends_with("_total"), is_counter, "{name}");
        if let Some(unit) = it.unit.suffix() {
            assert!(it.family().ends_with(&format!("_{unit}")), "{name}");
        }
        for label in it.labels {
            // Reserved: `le` for buckets, the others by scrapers.
            let reserved = ["le", "job", "instance", "quantile"];
            assert!(!reserved.contains(&label.name), "{name}: {}", label.name);
            assert!(label.name.chars().all(is_plain), "{name}: {}", label.name);
        }
        assert!(!it.help.ends_with('.') && !it.help.contains('"'), "{name}");
        assert!(!it.programs.is_empty(), "{name}");
    }
}

#[test]
fn each_metric_is_in_the_list_once() {
    let names: BTreeSet<_> = ALL.iter().map(|it| it.name).collect();
    assert_eq!(names.len(), ALL.len());
    let sources = [include_str!("../table.rs"), include_str!("transcoder.rs")];
    let defined = sources
        .iter()
        .flat_map(|it| it.lines())
        .filter(|it| it.starts_with("pub static "))
        .count();
    assert_eq!(defined, ALL.len() + 1, "one of them is not in `ALL`");
    let in_cloudwatch: Vec<_> = ALL.iter().filter_map(|it| it.cloudwatch).collect();
    let distinct: BTreeSet<_> = in_cloudwatch.iter().collect();
    assert_eq!(distinct.len(), in_cloudwatch.len());
}

#[test]
fn bounds_ascend() {
    for it in ALL {
        if let Kind::Histogram(bounds) = it.kind {
            assert!(bounds.is_sorted_by(|a, b| a < b), "{}", it.name);
        }
    }
}

/// CloudWatch charges for each name with each set of dimensions.
#[test]
fn metrics_in_cloudwatch_have_few_series() {
    for it in ALL {
        let is_of_functions = it.programs.contains(&Program::Lambda);
        assert_eq!(it.cloudwatch.is_some(), is_of_functions, "{}", it.name);
        if it.cloudwatch.is_some() {
            let listed = |label: &Label| match label.values {
                Listed(values) => values.len(),
                Described(_) => usize::MAX,
            };
            let series: usize = it.labels.iter().map(listed).product();
            assert!(series <= 8, "{}: {series}", it.name);
        }
    }
}

#[test]
fn the_page_has_every_metric() {
    let page = include_str!("../../../../docs/metrics.md");
    let begin = "<!-- the table of all metrics -->\n\n";
    let end = "\n<!-- end of the table -->";
    let rest = page.split_once(begin).unwrap().1;
    let table = rest.split_once(end).unwrap().0;
    let expected = rows();
    assert_eq!(table, expected, "docs/metrics.md must have:\n{expected}");
}

/// The table in Markdown.
fn rows() -> String {
    let mut text = "| metric | kind, unit | labels | programs | meaning | look for |\n\
                    |---|---|---|---|---|---|\n"
        .to_owned();
    for it in ALL {
        let unit = it
            .unit
            .suffix()
            .map_or(String::new(), |it| format!(", {it}"));
        let labels = it.labels.iter().map(|label| match label.values {
            Listed(values) => {
                let values: Vec<_> = values.iter().map(|it| format!("`{it}`")).collect();
                format!("`{}`: {}", label.name, values.join(", "))
            }
            Described(values) => format!("`{}`: {values}", label.name),
        });
        let labels = labels.collect::<Vec<_>>().join("; ");
        let programs = it.programs.iter().map(|program| match it.cloudwatch {
            Some(name) if *program == Program::Lambda => format!("Lambda (`{name}`)"),
            Some(_) | None => format!("`{}`", program.as_str()),
        });
        let programs = match it.programs {
            EVERY_PROGRAM => "all".to_owned(),
            _ => programs.collect::<Vec<_>>().join(", "),
        };
        text += &format!(
            "| `{}` | {}{unit} | {labels} | {programs} | {} | {} |\n",
            it.name,
            it.kind.as_str(),
            it.help,
            it.watch
        );
    }
    text
}
