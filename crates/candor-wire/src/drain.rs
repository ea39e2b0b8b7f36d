//! The word that the server is to stop: connections finish what they began and close.
//!
//! Each worker has its own word, so that connections of different workers share no lock.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Gives the word to drain.
#[derive(Debug)]
pub struct Draining(Arc<Word>);

/// Hears the word to drain; one copy for each connection, polled from one task.
#[derive(Debug)]
pub struct Drain {
    word: Arc<Word>,
    /// Where this one's waker is kept, once it waited.
    place: Option<usize>,
}

#[derive(Debug, Default)]
struct Word {
    begun: AtomicBool,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl Draining {
    /// A word not yet given, and an ear for it.
    pub fn new() -> (Draining, Drain) {
        let word = Arc::new(Word::default());
        (Draining(Arc::clone(&word)), Drain { word, place: None })
    }

    /// Tells every connection to finish and close. It cannot be taken back.
    pub fn begin(&self) {
        self.0.begun.store(true, Ordering::SeqCst);
        let wakers: Vec<Waker> = self.0.waiting().wakers.iter_mut().filter_map(Option::take).collect();
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Drain {
    /// Whether the word was given.
    pub fn begun(&self) -> bool {
        self.word.begun.load(Ordering::Relaxed)
    }

    /// Waits for the word; never ends if nobody can give it any more.
    pub async fn wait(&mut self) {
        poll_fn(|cx| self.poll(cx)).await;
    }

    /// Ready once the word was given. The first task that polls is the one that is woken.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.place.is_none() && !self.begun() {
            let mut waiting = self.word.waiting();
            let waker = Some(cx.waker().clone());
            let place = waiting.free.pop().unwrap_or(waiting.wakers.len());
            match waiting.wakers.get_mut(place) {
                Some(kept) => *kept = waker,
                None => waiting.wakers.push(waker),
            }
            drop(waiting);
            self.place = Some(place);
        }
        // Looked at again after the waker is in its place: the word may have been given in between.
        if self.word.begun.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Word {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for Drain {
    fn clone(&self) -> Drain {
        Drain { word: Arc::clone(&self.word), place: None }
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        let mut waiting = self.word.waiting();
        let waker = waiting.wakers.get_mut(place).and_then(Option::take);
        waiting.free.push(place);
        drop(waiting);
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_hears_it_and_places_are_used_again() {
        let (draining, first) = Draining::new();
        let mut waits = Vec::new();
        for _ in 0..3 {
            let mut drain = first.clone();
            waits.push(tokio::spawn(async move { drain.wait().await }));
        }
        tokio::task::yield_now().await;
        for wait in waits.drain(..2) {
            wait.abort();
            assert!(wait.await.is_err());
        }
        let mut late = first.clone();
        assert!(poll_fn(|cx| Poll::Ready(late.poll(cx).is_pending())).await);
        assert_eq!(first.word.waiting().wakers.len(), 3);
        assert!(!first.begun());
        draining.begin();
        late.wait().await;
        waits.remove(0).await.unwrap();
        assert!(first.begun());
    }
}
