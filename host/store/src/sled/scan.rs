use std::cmp::Ordering;
use std::collections::VecDeque;

use ::sled::IVec;

use super::inner::fault;
use crate::Error;

type Entry = Result<(IVec, IVec), Error>;

/// Entries of a table as it stands, what earlier requests wrote included and the request's own
/// writes not.
pub(super) struct Scan {
    stored: ::sled::Iter,
    /// Entries that replace stored ones, or remove them; in the order of their keys.
    newer: VecDeque<(Vec<u8>, Option<Vec<u8>>)>,
    /// Stored entries that were taken from an end, and whose turn has not come.
    first: Option<(IVec, IVec)>,
    last: Option<(IVec, IVec)>,
}

impl Scan {
    pub(super) fn new(stored: ::sled::Iter, newer: VecDeque<(Vec<u8>, Option<Vec<u8>>)>) -> Self {
        Self { stored, newer, first: None, last: None }
    }
}

impl Iterator for Scan {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            let stored = match self.first.take() {
                Some(first) => Some(first),
                None => match self.stored.next() {
                    Some(Ok(entry)) => Some(entry),
                    Some(Err(error)) => return Some(Err(fault(error))),
                    None => self.last.take(),
                },
            };
            let Some((key, _)) = self.newer.front() else { return stored.map(Ok) };
            match stored.as_ref().map_or(Ordering::Greater, |(stored, _)| stored.as_ref().cmp(key))
            {
                Ordering::Less => return stored.map(Ok),
                Ordering::Equal => {}
                Ordering::Greater => self.first = stored,
            }
            if let Some((key, Some(value))) = self.newer.pop_front() {
                return Some(Ok((key.into(), value.into())));
            }
        }
    }
}

impl DoubleEndedIterator for Scan {
    fn next_back(&mut self) -> Option<Entry> {
        loop {
            let stored = match self.last.take() {
                Some(last) => Some(last),
                None => match self.stored.next_back() {
                    Some(Ok(entry)) => Some(entry),
                    Some(Err(error)) => return Some(Err(fault(error))),
                    None => self.first.take(),
                },
            };
            let Some((key, _)) = self.newer.back() else { return stored.map(Ok) };
            match stored.as_ref().map_or(Ordering::Less, |(stored, _)| stored.as_ref().cmp(key)) {
                Ordering::Greater => return stored.map(Ok),
                Ordering::Equal => {}
                Ordering::Less => self.last = stored,
            }
            if let Some((key, Some(value))) = self.newer.pop_back() {
                return Some(Ok((key.into(), value.into())));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn what_is_newer_replaces_and_removes_what_is_stored_from_both_ends() {
        let db = ::sled::Config::new().temporary(true).open().unwrap();
        let letters = |text: &str| text.bytes().map(|letter| vec![letter]).collect::<Vec<_>>();
        for key in letters("bdfh") {
            db.insert(key, b"old").unwrap();
        }
        let cases =
            [("", ""), ("bh", ""), ("ai", ""), ("d", "f"), ("", "bdfh"), ("ace", "bx"), ("x", "a")];
        for (put, removed) in cases {
            let mut expected: BTreeMap<_, _> =
                letters("bdfh").into_iter().map(|key| (key, b"old".to_vec())).collect();
            let mut newer: BTreeMap<_, _> =
                letters(put).into_iter().map(|key| (key, Some(b"new".to_vec()))).collect();
            newer.extend(letters(removed).into_iter().map(|key| (key, None)));
            for (key, value) in &newer {
                match value {
                    Some(value) => expected.insert(key.clone(), value.clone()),
                    None => expected.remove(key),
                };
            }
            let expected: Vec<_> = expected.into_iter().collect();
            // Every way of taking turns between the ends.
            for turns in 0_u32..1 << 8 {
                let mut scan = Scan::new(db.iter(), newer.clone().into_iter().collect());
                let (mut front, mut back) = (Vec::new(), Vec::new());
                for step in 0..9 {
                    let from_front = turns >> step & 1 == 0;
                    let entry = if from_front { scan.next() } else { scan.next_back() };
                    let Some(entry) = entry else { break };
                    let (key, value) = entry.unwrap();
                    let list = if from_front { &mut front } else { &mut back };
                    list.push((key.to_vec(), value.to_vec()));
                }
                assert!(scan.next().is_none() && scan.next_back().is_none());
                front.extend(back.into_iter().rev());
                assert_eq!(front, expected, "{put} {removed} {turns:b}");
            }
        }
    }

    #[test]
    fn a_long_table_is_seen_whole_whichever_end_is_asked_next() {
        let db = ::sled::Config::new().temporary(true).open().unwrap();
        // Keys as the indexes have them: an instant that many share, and an id.
        let key = |n: u64| {
            [&(n / 500).to_be_bytes()[..], blake3::hash(&n.to_be_bytes()).as_bytes()].concat()
        };
        let count = 20_000;
        for n in 0..count {
            db.insert(key(n), &[]).unwrap();
        }
        // What is taken goes, as it does when runs are claimed.
        let mut left: std::collections::BTreeSet<_> = (0..count).map(key).collect();
        let mut turn = 0_u64;
        while !left.is_empty() {
            let mut scan = Scan::new(db.range::<Vec<u8>, _>(..=vec![255; 48]), VecDeque::new());
            let mut taken = Vec::new();
            while taken.len() < 32 {
                turn += 1;
                let entry = if turn.is_multiple_of(4) { scan.next_back() } else { scan.next() };
                let Some(entry) = entry else { break };
                let key = entry.unwrap().0.to_vec();
                let expected = if turn.is_multiple_of(4) { left.last() } else { left.first() };
                assert_eq!(Some(&key), expected, "turn {turn}");
                left.remove(&key);
                taken.push(key);
            }
            assert!(taken.len() == 32 || left.is_empty(), "{} of {}", taken.len(), left.len());
            for key in taken {
                db.remove(key).unwrap();
            }
        }
    }
}
