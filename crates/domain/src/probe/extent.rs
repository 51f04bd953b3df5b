//! From when to when a source is presented.

/// A stretch of time, seconds on the clock of a container.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extent {
    /// When it begins.
    pub start: f64,
    /// When it ends.
    pub end: f64,
}

/// Sound that begins earlier or ends later than the picture by no more than this, seconds, is cut off:
/// encoders pad their first and last access unit.
const PADDING: f64 = 0.1;

impl Extent {
    /// The extent of a presentation: it begins with the earlier of picture and sound, and ends with the later one.
    #[must_use]
    pub fn presentation(picture: Self, sound: Option<Self>) -> Self {
        let Some(sound) = sound.filter(|it| it.end > it.start) else { return picture };
        Self {
            start: if sound.start < picture.start - PADDING { sound.start } else { picture.start },
            end: if sound.end > picture.end + PADDING { sound.end } else { picture.end },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(picture: (f64, f64), sound: Option<(f64, f64)>, expected: (f64, f64)) {
        let extent = |it: (f64, f64)| Extent { start: it.0, end: it.1 };
        assert_eq!(Extent::presentation(extent(picture), sound.map(extent)), extent(expected));
    }

    #[test]
    fn a_presentation_holds_picture_and_sound() {
        check((0.0, 3.0), None, (0.0, 3.0));
        check((0.0, 3.0), Some((0.0, 12.0)), (0.0, 12.0));
        check((2.0, 6.0), Some((0.0, 6.0)), (0.0, 6.0));
        check((1.4, 5.4), Some((13.4, 17.4)), (1.4, 17.4));
        check((0.0, 10.0), Some((4.0, 5.0)), (0.0, 10.0));
        // The padding of an encoder moves nothing.
        check((0.0, 6.0), Some((-0.021, 6.05)), (0.0, 6.0));
        check((0.0, 6.0), Some((0.0, 0.0)), (0.0, 6.0));
    }
}
