//! `edgereel redrive`.

use std::io::IsTerminal as _;

use api_types::dead_letters::{DeadLetter, ListDeadLetters};
use domain::time::UnixMillis;
use http::StatusCode;
use serde_json::{Value, json};

use crate::Result;
use crate::api::{Api, ApiError};
use crate::args::RedriveArgs;
use crate::output::{CommandError, Output, confirm};
use crate::table::{Table, visible};

/// Dead letters in a page.
const PAGE: u32 = 200;

/// Lists, redrives or removes dead letters.
pub async fn run(args: RedriveArgs, output: &Output) -> Result {
    let selects = !args.ids.is_empty()
        || args.all
        || args.class.is_some()
        || args.code.is_some()
        || args.older_than.is_some();
    if args.purge && !selects {
        return Err(CommandError::Usage(
            "select what to remove: ids, --class, --code, --older-than or --all".to_owned(),
        ));
    }
    let changes = selects && !args.dry_run;
    let asks = changes && args.purge && !args.yes;
    if asks && (args.json || !std::io::stdin().is_terminal()) {
        return Err(CommandError::Usage(
            "add --yes: this removes the dead letters for good, and no terminal can ask".to_owned(),
        ));
    }
    let api = Api::of(&args.api)?;
    let letters = selected(&api, &args).await?;
    if !changes {
        show(&letters, output);
        if !selects && !letters.is_empty() {
            output.line(
                "Select some to send them again: ids, --class, --code, --older-than or --all",
            );
        }
        return Ok(());
    }
    if asks {
        confirm(
            &format!("Remove {} dead letters?", letters.len()),
            "nothing was removed",
        )?;
    }
    let (mut done, mut failed) = (Done::default(), missing(&args, &letters, output));
    for letter in &letters {
        let result = match args.purge {
            true => api.purge(&letter.id).await.map(|()| "removed"),
            false => api.redrive(&letter.id).await.map(|it| match it.redriven {
                0 => "obsolete",
                _ => "redriven",
            }),
        };
        match result.or_else(gone) {
            Ok(result) => {
                done.add(result);
                output.object(&with_result(letter, result));
                output.line(sentence(letter, result));
            }
            Err(error) => {
                failed = true;
                output.print_error(&error.into());
            }
        }
    }
    output.line(done.to_string());
    match failed {
        true => Err(CommandError::Reported),
        false => Ok(()),
    }
}

/// The dead letters that the arguments select; without a selection, all of them.
async fn selected(api: &Api, args: &RedriveArgs) -> std::result::Result<Vec<DeadLetter>, ApiError> {
    let mut params = ListDeadLetters {
        limit: Some(PAGE),
        cursor: None,
    };
    let mut letters = vec![];
    loop {
        let page = api.dead_letters(&params).await?;
        letters.extend(
            page.dead_letters
                .into_iter()
                .filter(|it| is_selected(it, args)),
        );
        params.cursor = page.next_cursor;
        if params.cursor.is_none() {
            return Ok(letters);
        }
    }
}

fn is_selected(letter: &DeadLetter, args: &RedriveArgs) -> bool {
    let is_word = |wanted: Option<&str>, word: Option<String>| {
        wanted.is_none_or(|it| word.is_some_and(|word| word == it))
    };
    let class = letter.class.as_ref().map(ToString::to_string);
    let code = letter.code.as_ref().map(ToString::to_string);
    (args.ids.is_empty() || args.ids.contains(&letter.id))
        && is_word(args.class.as_deref(), class)
        && is_word(args.code.map(|it| it.as_str()), code)
        && args
            .older_than
            .is_none_or(|it| UnixMillis::from(letter.dead_lettered_at) <= it)
}

/// Reports ids that are in no list. Returns whether one is.
fn missing(args: &RedriveArgs, letters: &[DeadLetter], output: &Output) -> bool {
    let is_missing = |id: &&String| !letters.iter().any(|it| it.id == **id);
    let missing: Vec<_> = args.ids.iter().filter(is_missing).collect();
    for id in &missing {
        output.print_error(&CommandError::failed(
            "no-such-dead-letter",
            anyhow::anyhow!("`{id}` is not a dead letter: it may have been redriven"),
        ));
    }
    !missing.is_empty()
}

/// Another client was faster.
fn gone(error: ApiError) -> std::result::Result<&'static str, ApiError> {
    match error {
        ApiError::Problem { status, .. } if status == StatusCode::NOT_FOUND => Ok("gone"),
        error => Err(error),
    }
}

/// The number of dead letters by what was done.
#[derive(Debug, Clone, Copy, Default)]
struct Done {
    redriven: u64,
    obsolete: u64,
    removed: u64,
}

impl Done {
    fn add(&mut self, result: &str) {
        match result {
            "redriven" => self.redriven += 1,
            "obsolete" => self.obsolete += 1,
            "removed" => self.removed += 1,
            _ => {}
        }
    }
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            redriven,
            obsolete,
            removed,
        } = self;
        write!(
            f,
            "{redriven} sent again, {obsolete} obsolete and removed, {removed} removed"
        )
    }
}

fn sentence(letter: &DeadLetter, result: &str) -> String {
    let video = letter.video.map(|it| format!(" {it}")).unwrap_or_default();
    let reason = visible(&reason(letter));
    format!("{result} {}{video}: {reason}", letter.id)
}

fn with_result(letter: &DeadLetter, result: &str) -> Value {
    let mut object = json!(letter);
    object["result"] = json!(result);
    object
}

/// The code, and the reason if it says more.
fn reason(letter: &DeadLetter) -> String {
    let code = letter.code.as_ref().map(ToString::to_string);
    let said = letter.reason.clone().filter(|it| Some(it) != code.as_ref());
    let unreadable = (!letter.readable).then(|| "the message cannot be read".to_owned());
    let parts: Vec<_> = [code, said, unreadable].into_iter().flatten().collect();
    parts.join(": ")
}

fn show(letters: &[DeadLetter], output: &Output) {
    let mut table = Table::new(["ID", "VIDEO", "CLASS", "DELIVERIES", "SINCE", "REASON"]);
    for letter in letters {
        if !output.object(letter) {
            return;
        }
        if !output.is_json() {
            table.add([
                letter.id.clone(),
                letter.video.map(|it| it.to_string()).unwrap_or_default(),
                letter
                    .class
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                letter.attempts.to_string(),
                letter.dead_lettered_at.to_string(),
                reason(letter),
            ]);
        }
    }
    match letters {
        [] => output.line("0 dead letters"),
        _ => output.line(table.render()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Args, Command};

    fn args(more: &[&str]) -> RedriveArgs {
        let all = ["edgereel", "redrive"].iter().chain(more);
        match Args::try_parse_from(all).unwrap().command {
            Command::Redrive(args) => args,
            other => panic!("{other:?}"),
        }
    }

    fn letter(id: &str, code: Option<&str>, class: Option<&str>) -> DeadLetter {
        serde_json::from_value(json!({
            "id": id, "video": null, "attempts": 5, "reason": "a sentence", "code": code, "class": class,
            "readable": true, "sent_at": "2026-01-30T00:00:00Z", "dead_lettered_at": "2026-01-31T00:00:00Z",
        }))
        .unwrap()
    }

    #[test]
    fn options_select_dead_letters() {
        let letters = [
            letter("1", Some("timed-out"), Some("infrastructure")),
            letter("2", Some("damaged"), Some("source")),
            letter("3", None, None),
            letter("4", Some("dub-failed"), Some("customer")),
        ];
        for (options, expected) in [
            (&[][..], &["1", "2", "3", "4"][..]),
            (&["--all"], &["1", "2", "3", "4"]),
            (&["--class", "infrastructure"], &["1"]),
            (&["--code", "damaged"], &["2"]),
            (&["--class", "source", "--code", "timed-out"], &[]),
            (&["3", "4"], &["3", "4"]),
            (&["--older-than", "2026-01-31"], &["1", "2", "3", "4"]),
            (&["--older-than", "2026-01-30"], &[]),
        ] {
            let args = args(options);
            let found = letters.iter().filter(|it| is_selected(it, &args));
            let ids: Vec<_> = found.map(|it| it.id.as_str()).collect();
            assert_eq!(ids, expected, "{options:?}");
        }
    }

    #[test]
    fn selections_do_not_contradict_each_other() {
        for wrong in [
            &["1", "--all"][..],
            &["--all", "--class", "source"],
            &["--class", "customer"],
            &["--code", "dub-failed"],
            &["--yes", "--all"],
        ] {
            let all = ["edgereel", "redrive"].iter().chain(wrong);
            assert!(Args::try_parse_from(all).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn reasons_are_said_once() {
        let mut letter = letter("1", Some("timed-out"), Some("infrastructure"));
        assert_eq!(reason(&letter), "timed-out: a sentence");
        letter.reason = Some("timed-out".to_owned());
        assert_eq!(reason(&letter), "timed-out");
        letter.readable = false;
        letter.code = None;
        letter.reason = None;
        assert_eq!(reason(&letter), "the message cannot be read");
        letter.reason = Some("\u{1b}[2Jaway\n".to_owned());
        assert_eq!(
            sentence(&letter, "removed"),
            "removed 1: [2Jaway: the message cannot be read"
        );
    }
}
