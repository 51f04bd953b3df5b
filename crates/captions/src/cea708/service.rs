//! One service: its windows, and the cues that it has shown.

use crate::Track;
use crate::timeline::{Shown, Timeline};

use super::code::{Code, Windows};
use super::window::Window;

/// Lower edge of the upper half of the picture, percent.
const HALF: f32 = 50.0;

/// The state of a service.
#[derive(Debug, Default)]
pub(super) struct Service {
    windows: [Option<Window>; 8],
    current: usize,
    /// The beginning of a code whose other bytes are in the next block.
    partial: Vec<u8>,
    timeline: Timeline,
}

impl Service {
    /// Consumes the bytes of a block at a time, which never decreases, milliseconds.
    pub(super) fn push(&mut self, block: &[u8], now: u64) {
        let mut bytes = std::mem::take(&mut self.partial);
        bytes.extend(block);
        let mut rest = &bytes[..];
        while let Some((code, size)) = Code::read(rest) {
            rest = &rest[size..];
            self.apply(&code, now);
        }
        self.partial = rest.to_vec();
    }

    /// Bytes are missing: the rest of a code does not come.
    pub(super) fn forget_partial(&mut self) {
        self.partial.clear();
    }

    /// The cues, after the end of the video.
    pub(super) fn finish(mut self, end: u64) -> Track {
        self.show_written();
        self.timeline.finish(end)
    }

    fn apply(&mut self, code: &Code, now: u64) {
        match *code {
            Code::Character(character) => self.write(now, |it| it.put(character)),
            Code::Backspace => self.write(now, Window::backspace),
            Code::CarriageReturn => {
                // Viewers see the row that was completed, before it rolls up.
                self.show_written();
                self.edit(Window::carriage_return);
            }
            Code::HorizontalCarriageReturn => self.write(now, Window::clear_row),
            Code::FormFeed => self.change(now, 1 << self.current, |it| {
                if let Some(window) = it {
                    window.clear();
                    window.move_to(0, 0);
                }
            }),
            // The definition may be lost: then its text is that of the window before.
            Code::Current(window) if self.windows[window].is_some() => self.current = window,
            Code::Current(_) | Code::Nothing => {}
            Code::Clear(windows) => self.each(now, windows, Window::clear),
            Code::Display(windows) => self.each(now, windows, |it| it.set_visible(true)),
            Code::Hide(windows) => self.each(now, windows, |it| it.set_visible(false)),
            Code::Toggle(windows) => {
                self.each(now, windows, |it| it.set_visible(!it.is_visible()));
            }
            Code::Delete(windows) => self.change(now, windows, |it| *it = None),
            Code::Reset => self.change(now, Windows::MAX, |it| *it = None),
            Code::Pen(style) => self.edit(|it| it.set_style(style)),
            Code::PenLocation { row, column } => self.edit(|it| it.move_to(row, column)),
            Code::Define(number, definition) => {
                self.current = number;
                self.change(now, 1 << number, |it| match it {
                    Some(window) => window.redefine(definition),
                    None => *it = Some(Window::new(definition)),
                });
            }
        }
    }

    /// Changes the current window without an effect in view.
    fn edit(&mut self, edit: impl FnOnce(&mut Window)) {
        if let Some(window) = &mut self.windows[self.current] {
            edit(window);
        }
    }

    /// Writes or deletes characters of the current window.
    fn write(&mut self, now: u64, write: impl FnOnce(&mut Window)) {
        let is_visible = self.windows[self.current]
            .as_ref()
            .is_some_and(Window::is_visible);
        if is_visible {
            let windows = &self.windows;
            self.timeline.show_before_pause(now, || view(windows));
            self.timeline.note_written(now);
        }
        self.edit(write);
    }

    /// Changes the defined windows among these in a way that viewers see at once.
    fn each(&mut self, now: u64, windows: Windows, change: impl Fn(&mut Window)) {
        self.change(now, windows, |it| {
            if let Some(window) = it {
                change(window);
            }
        });
    }

    fn change(&mut self, now: u64, windows: Windows, change: impl Fn(&mut Option<Window>)) {
        self.show_written();
        for (number, window) in self.windows.iter_mut().enumerate() {
            if windows >> number & 1 == 1 {
                change(window);
            }
        }
        self.timeline.show(now, view(&self.windows));
    }

    /// Shows what was written in view.
    fn show_written(&mut self) {
        let windows = &self.windows;
        self.timeline.show_written(|| view(windows));
    }
}

/// What viewers see: the text of all visible windows, from the top of the picture to its bottom.
fn view(windows: &[Option<Window>; 8]) -> Option<Shown> {
    let mut visible: Vec<_> = windows
        .iter()
        .flatten()
        .filter(|it| it.is_visible() && it.has_text())
        .map(|it| (it.edges(), it))
        .collect();
    visible.sort_by(|a, b| a.0.0.total_cmp(&b.0.0));
    let mut text = String::new();
    visible.iter().for_each(|it| it.1.append(&mut text));
    let is_top = visible.iter().all(|it| it.0.1 <= HALF);
    Shown::new(text, is_top)
}
