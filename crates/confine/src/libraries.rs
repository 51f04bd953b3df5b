//! Where a program has its libraries.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a program needs to be started under a [`Policy`](crate::Policy).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Libraries {
    /// Directories that it has to read.
    pub directories: Vec<PathBuf>,
    /// Files that the kernel executes on its behalf: its loader, or the interpreters of a script.
    pub execute: Vec<PathBuf>,
}

/// Finds the loader and the libraries of a program, as `ldd` does: the loader lists them instead of starting the program.
/// A static program has none. Nothing but the environment given here and no input reaches the program.
///
/// # Errors
/// If the program is not there or cannot be executed.
pub fn libraries(program: &Path, environment: &[(&str, &str)]) -> std::io::Result<Libraries> {
    if is_script(program)? {
        // Which programs a script starts is unknown.
        let execute = [
            "/bin",
            "/usr/bin",
            "/usr/local/bin",
            "/lib",
            "/lib64",
            "/usr/lib",
            "/usr/lib64",
        ];
        let folder = program.parent().map(Path::to_owned);
        return Ok(Libraries {
            directories: vec![],
            execute: execute
                .map(PathBuf::from)
                .into_iter()
                .chain(folder)
                .collect(),
        });
    }
    let output = Command::new(program)
        .arg("-version")
        .env_clear()
        .envs(environment.iter().copied())
        .env("LD_TRACE_LOADED_OBJECTS", "1")
        .stdin(Stdio::null())
        .output()?;
    Ok(parse(&String::from_utf8_lossy(&output.stdout)))
}

fn is_script(program: &Path) -> std::io::Result<bool> {
    use std::io::Read as _;
    let mut head = [0; 2];
    let read = std::fs::File::open(program)?.read(&mut head)?;
    Ok(head[..read] == *b"#!")
}

/// Reads lines such as `libx264.so.164 => /usr/lib/libx264.so.164 (0x7f00)` and `/lib64/ld-linux-x86-64.so.2 (0x7f00)`.
fn parse(list: &str) -> Libraries {
    let mut directories = BTreeSet::new();
    let mut execute = BTreeSet::new();
    for line in list.lines() {
        let Some((name, _)) = line.trim().rsplit_once(" (0x") else {
            continue;
        };
        let (loader, path) = match name.split_once(" => ") {
            Some((_, path)) => (false, path),
            None => (true, name),
        };
        let path = Path::new(path);
        if !path.is_absolute() {
            continue;
        }
        // The loader opens the name, and the kernel checks the file that it leads to.
        for path in [Some(path.to_owned()), path.canonicalize().ok()]
            .into_iter()
            .flatten()
        {
            directories.extend(path.parent().map(Path::to_owned));
            if loader {
                execute.insert(path);
            }
        }
    }
    Libraries {
        directories: directories.into_iter().collect(),
        execute: execute.into_iter().collect(),
    }
}

/// Finds a program as a shell does: in the directories of `PATH`, unless its name has a slash. Does not follow links, since
/// some programs look at the name that they are started by.
pub fn find_program(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return std::path::absolute(program).ok();
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|it| it.join(program))
        .find(|it| it.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_the_loader_is_read() {
        let list = "\tlinux-vdso.so.1 (0x00007ffc)\n\
                    \tlibx264.so.164 => /opt/video/lib/libx264.so.164 (0x00007f01)\n\
                    \tlibm.so.6 => /opt/video/lib/libm.so.6 (0x00007f01)\n\
                    \tlibgone.so => not found\n\
                    \t/nowhere/ld-linux.so.2 (0x00007f02)\n";
        let expected = Libraries {
            directories: vec!["/nowhere".into(), "/opt/video/lib".into()],
            execute: vec!["/nowhere/ld-linux.so.2".into()],
        };
        assert_eq!(parse(list), expected);
        assert_eq!(
            parse("ffmpeg version 8.1 Copyright (c) 2000-2026"),
            Libraries::default()
        );
    }

    #[test]
    fn a_script_may_start_programs() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("ffmpeg");
        std::fs::write(&script, "#!/bin/sh\nexec /usr/bin/ffmpeg \"$@\"\n").unwrap();
        let found = libraries(&script, &[]).unwrap();
        assert!(
            found.execute.contains(&"/usr/bin".into())
                && found.execute.contains(&folder.path().to_owned())
        );
        assert!(libraries(&folder.path().join("none"), &[]).is_err());
    }
}
