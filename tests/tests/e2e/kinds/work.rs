//! A file that FFmpeg makes, and its video.

use super::*;

/// A file of one kind, and its result.
pub(super) struct Work<'a> {
    pub(super) ffmpeg: &'a FFmpeg,
    pub(super) folder: tempfile::TempDir,
    pub(super) report: Value,
}

impl<'a> Work<'a> {
    pub(super) fn new(ffmpeg: &'a FFmpeg) -> Self {
        Self {
            ffmpeg,
            folder: tempfile::tempdir().unwrap(),
            report: Value::Null,
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Generates a file of frames and tones.
    pub(super) fn make(&self, name: &str, inputs: &[&str], options: &[&str]) -> PathBuf {
        let path = self.path(name);
        make(&path, inputs, options);
        path
    }

    /// A transport stream of two seconds, whose clock begins at zero.
    pub(super) fn stream(&self, name: &str, size: (u32, u32), first: u32) -> Vec<u8> {
        let inputs = [pictures(size, 30, 2.0, first), tones(2.0, 1)];
        let options = [&H264[..], &["-g", "30", "-c:a", "aac", "-f", "mpegts"]].concat();
        std::fs::read(self.make(name, &inputs.each_ref().map(String::as_str), &options)).unwrap()
    }

    async fn run(&mut self, input: &Path) -> Option<i32> {
        let (out, temporary) = (self.path("out"), self.path("tmp"));
        std::fs::create_dir(&temporary).unwrap();
        let answer = transcode_with(&self.ffmpeg.environment(), input, &out, &temporary, &[]).await;
        assert_eq!(
            std::fs::read_dir(&temporary).unwrap().count(),
            0,
            "temporary files are left"
        );
        self.report = answer.last().clone();
        if answer.code != Some(0) {
            println!("{}: {}\n{}", input.display(), self.report, answer.stderr);
        }
        answer.code
    }

    /// The file becomes ready, has this duration, and conforms.
    pub(super) async fn ready(&mut self, input: &Path, seconds: f64) {
        assert_eq!(self.run(input).await, Some(0), "{}", self.report);
        let found = self.report["duration_s"].as_f64().unwrap();
        assert!(
            (found - seconds).abs() <= 0.1,
            "{found} s instead of {seconds} s"
        );
        assert_eq!(complaints_of_decoding(&self.master()), "");
        check(&self.master(), &self.path("tmp")).await;
    }

    pub(super) async fn refused(&mut self, input: &Path, code: &str) {
        assert_ne!(self.run(input).await, Some(0), "{}", self.report);
        assert_eq!(self.report["error"]["code"], code, "{}", self.report);
        assert_eq!(
            files(&self.path("out")),
            Vec::<PathBuf>::new(),
            "something is left of what was refused"
        );
    }

    pub(super) fn master(&self) -> String {
        self.report["master"].as_str().unwrap().to_owned()
    }

    /// The playlists of all rungs.
    pub(super) fn rungs(&self) -> Vec<String> {
        let all = files(&self.path("out"));
        let names = self.report["rungs"].as_array().unwrap().iter();
        let names = names.map(|it| format!("{}.m3u8", it["name"].as_str().unwrap()));
        names
            .map(|name| {
                text(
                    &self
                        .path("out")
                        .join(all.iter().find(|it| it.ends_with(&name)).unwrap()),
                )
            })
            .collect()
    }

    /// Every rung shows these numbers, one per frame.
    pub(super) fn shows(&self, filter: &str, expected: &[u32]) {
        let expected: Vec<Option<u32>> = expected.iter().copied().map(Some).collect();
        for rung in self.rungs() {
            assert_eq!(numbers(&rung, filter), expected, "{rung} through {filter}");
        }
    }

    /// A tone is heard at each of the first seconds.
    pub(super) fn sounds(&self, seconds: usize) {
        let heard = onsets(&self.master());
        let in_time = heard
            .iter()
            .enumerate()
            .all(|(second, at)| (at - second as f64).abs() < 0.04);
        assert!(heard.len() == seconds && in_time, "{heard:?}");
    }
}
