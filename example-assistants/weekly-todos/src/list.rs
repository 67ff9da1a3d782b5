//! The list, and how it is written as Markdown.

use std::fmt;
use std::fs;
use std::io::{Error, ErrorKind};

use serde_json::{Value, json};

#[derive(Default)]
pub struct List(Vec<Item>);

struct Item {
    text: String,
    done: bool,
}

impl List {
    /// The list in this file; an empty one if there is no file yet.
    pub fn read(path: &str) -> Result<Self, Error> {
        match fs::read_to_string(path) {
            Ok(markdown) => Ok(Self(markdown.lines().filter_map(Item::parse).collect())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    pub fn write(&self, path: &str) -> Result<(), Error> {
        let lines: String = self.0.iter().map(|item| format!("- {item}\n")).collect();
        fs::write(path, lines)
    }

    /// Adds an open item, on one line.
    pub fn add(&mut self, text: &str) -> String {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.0.push(Item { text: text.clone(), done: false });
        text
    }

    /// Ticks off an open item, by its number or its text, and returns the text.
    pub fn finish(&mut self, which: &str) -> Option<String> {
        let which = which.trim();
        let number = which.parse::<usize>().ok();
        let (_, item) = self.0.iter_mut().enumerate().find(|(index, item)| {
            !item.done && (number == Some(index + 1) || item.text.eq_ignore_ascii_case(which))
        })?;
        item.done = true;
        Some(item.text.clone())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// How many items are open.
    pub fn open(&self) -> usize {
        self.0.iter().filter(|item| !item.done).count()
    }

    pub fn to_json(&self) -> Value {
        self.0.iter().map(|item| json!({ "text": item.text, "done": item.done })).collect()
    }
}

impl fmt::Display for List {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        if self.0.is_empty() {
            return write!(out, "There is nothing to do this week.");
        }
        write!(out, "This week:")?;
        for (index, item) in self.0.iter().enumerate() {
            write!(out, "\n{}. {item}", index + 1)?;
        }
        Ok(())
    }
}

impl Item {
    fn parse(line: &str) -> Option<Self> {
        let (text, done) = match line.strip_prefix("- [ ] ") {
            Some(text) => (text, false),
            None => (line.strip_prefix("- [x] ")?, true),
        };
        Some(Self { text: text.into(), done })
    }
}

impl fmt::Display for Item {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "[{}] {}", if self.done { 'x' } else { ' ' }, self.text)
    }
}
