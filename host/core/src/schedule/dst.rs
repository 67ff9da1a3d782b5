use super::wall::Shift;

/// What becomes of cron text where the clock of its time zone is set forward or back.
///
/// Where the clock is set forward, the local times of the gap do not exist: in New York on
/// 8 March 2026 the wall goes from 01:59:59 to 03:00:00. Where it is set back, those of the fold
/// exist twice: on 1 November 2026 the wall shows 01:00:00 to 01:59:59 and then once more.
/// `30 2 * * *` falls into that gap and `30 1 * * *` into that fold:
///
/// | | `30 2 * * *` on 8 March | `30 1 * * *` on 1 November | `*/30 * * * *` in the fold |
/// |---|---|---|---|
/// | `vixie` | at 03:00 | once, in the first pass | in both passes |
/// | `skip_and_repeat` | not at all | twice | in both passes |
/// | `skip_and_once` | not at all | once, in the first pass | in the first pass |
///
/// `@every` and `@at` name instants, not local times, and heed no clock on a wall.
///
/// ```
/// use wakeful_core::{Dst, Schedule, Timestamp};
///
/// let after: Timestamp = "2026-03-08T00:00:00-05:00".parse()?;
/// let next = |dst| {
///     let schedule = Schedule::read(&["30 2 * * *"], Some("America/New_York"), dst)?;
///     Ok::<_, wakeful_core::ScheduleError>(schedule.next_after(after))
/// };
/// assert_eq!(next(Dst::Vixie)?, Some("2026-03-08T03:00:00-04:00".parse()?));
/// assert_eq!(next(Dst::SkipAndOnce)?, Some("2026-03-09T02:30:00-04:00".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dst {
    /// Debian's cron(8): a fixed time of day that is jumped over fires at the shift, and fires in
    /// the first pass alone when it comes twice. A schedule whose minute or hour field begins with
    /// `*` follows the clock on the wall: it skips what is jumped over, and repeats what is
    /// repeated; so does each one when the clock moves by more than three hours.
    #[default]
    Vixie,
    /// What is jumped over is skipped, and what comes twice fires twice, as Temporal and robfig
    /// have it.
    SkipAndRepeat,
    /// What is jumped over is skipped, and what comes twice fires once, in the first pass, as
    /// Amazon EventBridge has it. So nothing fires in the second pass, not even `* * * * *`.
    SkipAndOnce,
}

impl Dst {
    /// Every rule.
    pub const ALL: [Self; 3] = [Self::Vixie, Self::SkipAndRepeat, Self::SkipAndOnce];

    /// The word for it, on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vixie => "vixie",
            Self::SkipAndRepeat => "skip_and_repeat",
            Self::SkipAndOnce => "skip_and_once",
        }
    }

    /// The rule with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dst| dst.as_str() == word)
    }

    /// Whether what falls into this gap fires at its end; otherwise it is skipped.
    pub(super) fn moves(self, wildcard: bool, gap: &Shift) -> bool {
        self == Self::Vixie && !wildcard && !gap.is_correction()
    }

    /// Whether both passes of this fold count; otherwise only the first does.
    pub(super) fn repeats(self, wildcard: bool, fold: &Shift) -> bool {
        match self {
            Self::Vixie => wildcard || fold.is_correction(),
            Self::SkipAndRepeat => true,
            Self::SkipAndOnce => false,
        }
    }
}
