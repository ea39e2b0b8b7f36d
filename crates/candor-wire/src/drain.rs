//! The word that the server is to stop: connections finish what they began and close.

use tokio::sync::watch;

/// Gives the word to drain.
#[derive(Debug)]
pub struct Draining(watch::Sender<bool>);

/// Hears the word to drain; one copy for each connection.
#[derive(Clone, Debug)]
pub struct Drain(watch::Receiver<bool>);

impl Draining {
    /// A word not yet given, and an ear for it.
    pub fn new() -> (Draining, Drain) {
        let (sender, receiver) = watch::channel(false);
        (Draining(sender), Drain(receiver))
    }

    /// Tells every connection to finish and close. It cannot be taken back.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }
}

impl Drain {
    /// Whether the word was given.
    pub fn begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for the word; never ends if nobody can give it any more.
    pub async fn wait(&mut self) {
        if self.0.wait_for(|begun| *begun).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
