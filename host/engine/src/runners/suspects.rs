use std::collections::HashMap;

use wakeful_core::Digest;

/// How often in a row a component may be the end of its runner.
pub(super) const MOST: u32 = 3;

/// The components in whose company runners died.
///
/// Who was not alone may be innocent. So a component that was there runs alone from then on, until a
/// run of it has come to its end; and only a death that it was alone with counts.
#[derive(Default)]
pub(super) struct Suspects(HashMap<Digest, u32>);

impl Suspects {
    /// Notes that a runner died, and which components had runs in it. Returns those that are not to
    /// be run any more from now on.
    pub(super) fn died_with(&mut self, present: &[Digest]) -> Vec<Digest> {
        let alone = present.windows(2).all(|pair| matches!(pair, [one, other] if one == other));
        let mut condemned = Vec::new();
        for digest in present {
            let deaths = self.0.entry(*digest).or_default();
            if alone && !condemned.contains(digest) {
                *deaths = deaths.saturating_add(1);
                if *deaths == MOST {
                    condemned.push(*digest);
                }
                break;
            }
        }
        condemned
    }

    /// Notes that a run came to its end.
    pub(super) fn ended_well(&mut self, digest: Digest) {
        if !self.is_condemned(digest) {
            self.0.remove(&digest);
        }
    }

    /// Whether a component has to run alone.
    pub(super) fn is_suspect(&self, digest: Digest) -> bool {
        self.0.contains_key(&digest)
    }

    /// Whether a component is not to be run any more.
    pub(super) fn is_condemned(&self, digest: Digest) -> bool {
        self.0.get(&digest).is_some_and(|deaths| *deaths >= MOST)
    }
}

/// What is said of a component that is not run any more.
pub(super) fn sentence(digest: Digest) -> String {
    format!(
        "the component {} ended the process that runs it {MOST} times in a row, and is not run again until its file changes or the host starts anew",
        digest.short()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_alone_with_three_dead_runners_is_condemned() {
        let (bad, good) = (Digest::of(b"bad"), Digest::of(b"good"));
        let mut suspects = Suspects::default();
        assert!(!suspects.is_suspect(bad));
        for _ in 0..5 {
            assert!(suspects.died_with(&[bad, good, bad]).is_empty());
        }
        assert!(suspects.is_suspect(bad) && suspects.is_suspect(good));
        suspects.ended_well(good);
        assert!(!suspects.is_suspect(good));
        assert!(suspects.died_with(&[bad]).is_empty());
        assert!(suspects.died_with(&[bad, bad]).is_empty());
        assert!(!suspects.is_condemned(bad));
        assert_eq!(suspects.died_with(&[bad]), [bad]);
        assert!(suspects.is_condemned(bad));
        suspects.ended_well(bad);
        assert!(suspects.is_condemned(bad));
    }

    #[test]
    fn a_run_that_ends_clears_its_component() {
        let digest = Digest::of(b"unlucky");
        let mut suspects = Suspects::default();
        for _ in 0..10 {
            suspects.died_with(&[digest]);
            suspects.died_with(&[digest]);
            suspects.ended_well(digest);
        }
        assert!(!suspects.is_condemned(digest));
        assert!(suspects.died_with(&[]).is_empty());
    }
}
