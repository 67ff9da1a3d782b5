use super::namespace::check;
use super::{InvalidItem, Namespace};

/// Labels to compare with those of a namespace, of which some may be anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamespacePattern(Vec<Option<String>>);

impl NamespacePattern {
    /// The pattern of these labels, where `*` stands for any one label.
    ///
    /// # Errors
    ///
    /// If a label is not one, or there are too many.
    pub fn new(labels: Vec<String>) -> Result<Self, InvalidItem> {
        check(labels.iter().map(String::as_str))?;
        Ok(Self(labels.into_iter().map(|label| (label != "*").then_some(label)).collect()))
    }

    /// The labels, as [`NamespacePattern::new`] takes them.
    pub fn to_labels(&self) -> Vec<String> {
        self.0.iter().map(|label| label.clone().unwrap_or_else(|| "*".to_owned())).collect()
    }

    /// The namespace that everything lies in which begins with the pattern: its labels up to the
    /// first that may be anything.
    pub fn fixed(&self) -> Namespace {
        let fixed = self.0.iter().map_while(Clone::clone).collect();
        // These labels were checked when the pattern was made.
        Namespace::new(fixed).unwrap_or_default()
    }

    /// Whether the namespace begins so.
    pub fn begins(&self, namespace: &Namespace) -> bool {
        let labels = namespace.labels();
        labels.get(..self.0.len()).is_some_and(|labels| self.matches(labels))
    }

    /// Whether the namespace ends so.
    pub fn ends(&self, namespace: &Namespace) -> bool {
        let labels = namespace.labels();
        let start = labels.len().checked_sub(self.0.len());
        start.and_then(|start| labels.get(start..)).is_some_and(|labels| self.matches(labels))
    }

    fn matches(&self, labels: &[String]) -> bool {
        let mut pairs = self.0.iter().zip(labels);
        pairs.all(|(wanted, label)| wanted.as_ref().is_none_or(|wanted| wanted == label))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_one_label() {
        let pattern = |text: &str| {
            let labels = text.split('.').filter(|label| !label.is_empty());
            NamespacePattern::new(labels.map(str::to_owned).collect()).unwrap()
        };
        let namespace = Namespace::parse("a.b.c").unwrap();
        for (text, begins, ends) in [
            ("", true, true),
            ("a", true, false),
            ("*", true, true),
            ("a.*.c", true, true),
            ("*.b", true, false),
            ("b.*", false, true),
            ("a.b.c.*", false, false),
        ] {
            let pattern = pattern(text);
            assert_eq!((pattern.begins(&namespace), pattern.ends(&namespace)), (begins, ends));
        }
        assert_eq!(pattern("a.b.*.c").fixed().to_string(), "a.b");
        assert_eq!(pattern("a.*.c").to_labels(), ["a", "*", "c"]);
        assert!(pattern("*.a").fixed().is_root());
        assert!(NamespacePattern::new(vec![String::new()]).is_err());
    }
}
