//! Variables whose value is in a file, as Docker and Kubernetes mount secrets: `EDGEREEL_API_TOKEN_FILE=/run/secrets/token`
//! sets `EDGEREEL_API_TOKEN`.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;

const PREFIX: &str = "EDGEREEL_";
const SUFFIX: &str = "_FILE";

/// The largest file that is read, bytes. Key rings are the largest values.
const MAX_BYTES: u64 = 64 << 10;

/// Reads the file of each variable `EDGEREEL_..._FILE` that is not empty. Returns the values by the names without `_FILE`, and
/// a message for each file that cannot be read, and for each value that is also set directly.
pub(super) fn read(variables: impl IntoIterator<Item = (String, String)>) -> (HashMap<String, String>, Vec<String>) {
    let variables: HashMap<String, String> = variables.into_iter().filter(|it| !it.1.trim().is_empty()).collect();
    let (mut values, mut problems) = (HashMap::new(), vec![]);
    for (variable, path) in &variables {
        let Some(name) = variable.strip_suffix(SUFFIX).filter(|name| name.starts_with(PREFIX)) else { continue };
        if variables.contains_key(name) {
            problems.push(format!("{name} and {variable} are both set: unset one"));
            continue;
        }
        match contents(path.trim()) {
            Ok(value) => drop(values.insert(name.to_owned(), value)),
            Err(error) => problems.push(format!("{variable}: cannot read the file: {error}")),
        }
    }
    problems.sort();
    (values, problems)
}

fn contents(path: &str) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(std::io::Error::other(format!("it is larger than {MAX_BYTES} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_from_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str, contents: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, contents).unwrap();
            path.display().to_string()
        };
        let set = |variables: &[(&str, String)]| {
            read(variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())))
        };
        let token = path("token", b"secret\n");

        let (values, problems) =
            set(&[("EDGEREEL_API_TOKEN_FILE", format!(" {token} ")), ("OTHER_FILE", token.clone())]);
        assert_eq!((values.len(), values["EDGEREEL_API_TOKEN"].trim(), problems), (1, "secret", vec![]));

        let direct = ("EDGEREEL_API_TOKEN", "other".to_owned());
        let (values, problems) = set(&[direct, ("EDGEREEL_API_TOKEN_FILE", token.clone())]);
        assert!(values.is_empty());
        assert_eq!(problems, ["EDGEREEL_API_TOKEN and EDGEREEL_API_TOKEN_FILE are both set: unset one"]);

        // An empty variable counts as missing.
        let (values, problems) = set(&[("EDGEREEL_API_TOKEN", String::new()), ("EDGEREEL_API_TOKEN_FILE", token)]);
        assert_eq!((values.len(), problems.len()), (1, 0));
        assert_eq!(set(&[("EDGEREEL_DATABASE_FILE", " ".to_owned())]), (HashMap::new(), vec![]));

        for bad in ["/nowhere/token".to_owned(), path("binary", &[0xff]), path("large", &[b'a'; 70_000])] {
            let (values, problems) = set(&[("EDGEREEL_DATABASE_FILE", bad)]);
            assert!(values.is_empty() && problems[0].starts_with("EDGEREEL_DATABASE_FILE: cannot read the file: "));
        }
    }
}
