use std::time::Duration;

use super::Stage;
use crate::ComponentStatus;

impl Stage {
    /// Puts a file into the assistants folder.
    fn drop_in(&self, id: &str, bytes: &str) {
        let folder = self.folder.path().join("assistants");
        let aside = folder.join(format!(".{id}"));
        std::fs::write(&aside, bytes).unwrap();
        std::fs::rename(aside, folder.join(format!("{id}.wasm"))).unwrap();
    }

    /// Waits until a component is said to be so.
    async fn is_said(&self, id: &str, word: &str) {
        let said = || {
            let components = self.host.components();
            components.iter().find(|it| it.id == id).map(ComponentStatus::word)
        };
        let until = async {
            while said() != Some(word) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(30), until).await;
        assert!(waited.is_ok(), "{id} is {:?}, not {word}", said());
    }
}

#[tokio::test]
async fn a_file_that_takes_its_time_is_said_to_be_loading() {
    let stage = Stage::open([]).await;
    stage.drop_in("large", "slow 1");
    stage.is_said("large", "loading").await;
    stage.script.load.notify_one();
    stage.is_said("large", "serving").await;
    stage.drop_in("large", "slow 22");
    stage.is_said("large", "serving, loading another version").await;
    stage.script.load.notify_one();
    stage.is_said("large", "serving").await;
    stage.drop_in("Echo", "a rival");
    stage.is_said("Echo", "broken").await;
    stage.drop_in("echo", "slow 333");
    stage.is_said("echo", "serving, loading another version").await;
    stage.host.shutdown().await.unwrap();
}
