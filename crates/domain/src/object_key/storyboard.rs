//! The two sizes of a storyboard.

/// Size of the images on a storyboard. Both sizes show the same frames in the same order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoryboardSize {
    /// About 160 pixels wide.
    Small,
    /// Twice as wide, for dense and large screens. Generations of earlier versions have none.
    Large,
}

impl StoryboardSize {
    /// Every size.
    pub const ALL: [Self; 2] = [Self::Small, Self::Large];

    /// The name of its files, without extension.
    pub fn file_stem(self) -> &'static str {
        match self {
            Self::Small => "storyboard",
            Self::Large => "storyboard-large",
        }
    }
}
