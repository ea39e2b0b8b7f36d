//! Admission: how many requests are worked on at the same time, and who waits for a place.
//!
//! Below the limit a request is let in by one atomic exchange. Above it requests queue in order of arrival, for
//! so short a time that a refusal still reaches its client within ten milliseconds; only a short peak is meant
//! to be bridged, because a longer queue would only add waiting to every answer under lasting overload.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long a request waits for a place. Timers go off up to two milliseconds late (their grain is one), so
/// that this keeps the promise of ten.
const WAIT: Duration = Duration::from_millis(8);

/// Lets in as many requests at a time as its limit says.
#[derive(Clone, Debug)]
pub struct Admission {
    gate: Arc<Gate>,
}

#[derive(Debug)]
struct Gate {
    limit: AtomicUsize,
    in_flight: AtomicUsize,
    /// The length of the queue; nobody takes its lock while it is 0.
    waiting: AtomicUsize,
    queue: Mutex<Queue>,
}

/// A request that was let in; its place becomes free when this is dropped.
#[derive(Debug)]
#[must_use = "the place is free again as soon as the permit is dropped"]
pub struct Permit {
    gate: Arc<Gate>,
}

impl Admission {
    /// With room for `limit` requests at a time, at least one.
    pub fn new(limit: usize) -> Admission {
        Admission {
            gate: Arc::new(Gate {
                limit: AtomicUsize::new(limit.max(1)),
                in_flight: AtomicUsize::new(0),
                waiting: AtomicUsize::new(0),
                queue: Mutex::default(),
            }),
        }
    }

    /// A place, at once or within ten milliseconds, in order of arrival; `None` if there was none (503).
    /// Must be polled inside a tokio runtime with timers. Dropping the future gives up the place in the queue.
    pub fn enter(&self) -> impl Future<Output = Option<Permit>> + Send + 'static {
        let admission = self.clone();
        async move {
            match admission.enter_now() {
                Some(permit) => Some(permit),
                None => Ticket::draw(admission.gate).admitted().await,
            }
        }
    }

    /// A place, if there is one now and nobody waits for it.
    pub fn enter_now(&self) -> Option<Permit> {
        let free = self.gate.waiting.load(SeqCst) == 0 && self.gate.occupy();
        free.then(|| Permit { gate: self.gate.clone() })
    }

    /// Changes the limit. A higher one lets in who waits; under a lower one nobody is thrown out, and nobody is
    /// let in before enough have left.
    pub fn set_limit(&self, limit: usize) {
        self.gate.limit.store(limit.max(1), SeqCst);
        Gate::admit(&self.gate);
    }

    /// The requests that are inside now.
    pub fn in_flight(&self) -> usize {
        self.gate.in_flight.load(SeqCst)
    }

    /// The requests that wait for a place now.
    pub fn waiting(&self) -> usize {
        self.gate.waiting.load(SeqCst)
    }
}

impl Gate {
    /// Takes a place if one is free.
    fn occupy(&self) -> bool {
        let limit = self.limit.load(SeqCst);
        self.in_flight.fetch_update(SeqCst, SeqCst, |inside| (inside < limit).then_some(inside + 1)).is_ok()
    }

    /// Gives free places to those who wait, the first come first. Called after every change that can make one
    /// free. Who queues counts himself in `waiting` before he looks for a free place a last time, and who leaves
    /// frees his place before he looks at `waiting`: in the one order of all these steps, one of the two sees
    /// the other.
    fn admit(gate: &Arc<Gate>) {
        if gate.waiting.load(SeqCst) == 0 {
            return;
        }
        // Permits whose receiver left at the last moment; dropped when the lock is released, since that comes
        // back here.
        let mut unwanted = Vec::new();
        let mut queue = gate.lock();
        while anybody(&mut queue) && gate.occupy() {
            let permit = Permit { gate: gate.clone() };
            if let Some(Err(permit)) = queue.pop_front().map(|waiter| waiter.send(permit)) {
                unwanted.push(permit);
            }
        }
        gate.waiting.store(queue.len(), SeqCst);
        drop(queue);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those who wait, the first to come at the front.
type Queue = VecDeque<oneshot::Sender<Permit>>;

/// Removes from the front who does not wait any more; whether anybody is left. Who left from the middle is removed
/// on reaching the front, at most one waiting time later.
fn anybody(queue: &mut Queue) -> bool {
    while queue.front().is_some_and(oneshot::Sender::is_closed) {
        queue.pop_front();
    }
    !queue.is_empty()
}

/// A place in the queue.
struct Ticket {
    gate: Arc<Gate>,
    receiver: oneshot::Receiver<Permit>,
}

impl Ticket {
    /// Queues at the end.
    fn draw(gate: Arc<Gate>) -> Ticket {
        let (sender, receiver) = oneshot::channel();
        let mut queue = gate.lock();
        queue.push_back(sender);
        gate.waiting.store(queue.len(), SeqCst);
        drop(queue);
        Gate::admit(&gate);
        Ticket { gate, receiver }
    }

    /// Waits for a permit, not too long.
    async fn admitted(mut self) -> Option<Permit> {
        match timeout(WAIT, &mut self.receiver).await {
            Ok(permit) => permit.ok(),
            Err(_) => {
                // One may have come between the timer and here.
                self.receiver.close();
                self.receiver.try_recv().ok()
            }
        }
    }
}

impl Drop for Ticket {
    /// Leaves the queue. A permit that was sent and not taken is dropped with the receiver, after this.
    fn drop(&mut self) {
        self.receiver.close();
        let mut queue = self.gate.lock();
        anybody(&mut queue);
        self.gate.waiting.store(queue.len(), SeqCst);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.in_flight.fetch_sub(1, SeqCst);
        Gate::admit(&self.gate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;
    use tokio::time::sleep;

    fn on_threads(threads: usize) -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_time().build().unwrap()
    }

    fn here<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    #[test]
    fn below_the_limit_nobody_waits() {
        let admission = Admission::new(3);
        here(async {
            let permits = [admission.enter().await, admission.enter().await, admission.enter().await];
            assert!(permits.iter().all(Option::is_some));
            assert_eq!(admission.in_flight(), 3);
            assert!(admission.enter_now().is_none());
            drop(permits);
            assert_eq!(admission.in_flight(), 0);
        });
    }

    #[test]
    fn above_the_limit_the_answer_is_no_within_ten_milliseconds() {
        let admission = Admission::new(1);
        here(async {
            let inside = admission.enter().await;
            let quickest = {
                let mut waits = Vec::new();
                for _ in 0..20 {
                    let start = Instant::now();
                    assert!(admission.enter().await.is_none());
                    waits.push(start.elapsed());
                }
                waits.into_iter().min().unwrap()
            };
            // The quickest, because a busy machine may hold up any one of them.
            assert!(quickest >= WAIT && quickest <= Duration::from_millis(10), "{quickest:?}");
            assert_eq!((admission.waiting(), admission.in_flight()), (0, 1));
            drop(inside);
            assert!(admission.enter().await.is_some());
        });
    }

    #[test]
    fn places_are_given_in_order_of_arrival() {
        let admission = Admission::new(1);
        here(async {
            let inside = admission.enter().await;
            let mut tickets: Vec<_> = (0..5).map(|_| Some(Ticket::draw(admission.gate.clone()))).collect();
            assert_eq!(admission.waiting(), 5);
            drop(inside);
            assert!(admission.enter_now().is_none(), "nobody jumps the queue");
            tickets[2] = None;
            tickets[4] = None;
            for number in [0, 1, 3] {
                for later in &mut tickets[number + 1..] {
                    assert!(later.as_mut().is_none_or(|ticket| ticket.receiver.try_recv().is_err()));
                }
                let permit = tickets[number].as_mut().unwrap().receiver.try_recv();
                assert!(permit.is_ok(), "number {number}");
            }
            assert!(admission.enter_now().is_some());
            drop(tickets);
            assert_eq!((admission.waiting(), admission.in_flight()), (0, 0));
        });
    }

    #[test]
    fn a_permit_nobody_took_is_free_again() {
        let admission = Admission::new(1);
        let inside = admission.enter_now();
        let first = Ticket::draw(admission.gate.clone());
        let mut second = Ticket::draw(admission.gate.clone());
        drop(inside);
        drop(first);
        assert!(second.receiver.try_recv().is_ok());
        drop(second);
        assert_eq!(admission.in_flight(), 0);
    }

    #[test]
    fn the_limit_can_change() {
        let admission = Admission::new(2);
        let permits = [admission.enter_now(), admission.enter_now()];
        let mut ticket = Ticket::draw(admission.gate.clone());
        admission.set_limit(3);
        let third = ticket.receiver.try_recv().unwrap();
        admission.set_limit(1);
        drop(third);
        let [first, second] = permits;
        drop(first);
        assert!(admission.enter_now().is_none(), "one is inside and one is the limit");
        drop(second);
        assert!(admission.enter_now().is_some());
        admission.set_limit(0);
        assert!(admission.enter_now().is_some(), "a limit is at least one");
    }

    #[test]
    fn many_at_once_never_exceed_the_limit_and_leave_nothing_behind() {
        const LIMIT: usize = 7;
        let admission = Admission::new(LIMIT);
        let inside = Arc::new(AtomicUsize::new(0));
        let admitted = on_threads(4).block_on(async {
            let tasks: Vec<_> = (0..4000u64)
                .map(|number| {
                    let (admission, inside) = (admission.clone(), inside.clone());
                    tokio::spawn(async move {
                        if number.is_multiple_of(5) {
                            // Some go away while they wait.
                            let _ = timeout(Duration::from_millis(number % 7), admission.enter()).await;
                            return false;
                        }
                        let Some(_permit) = admission.enter().await else { return false };
                        assert!(inside.fetch_add(1, SeqCst) < LIMIT);
                        match number % 3 {
                            0 => tokio::task::yield_now().await,
                            _ => sleep(Duration::from_micros(number % 900)).await,
                        }
                        inside.fetch_sub(1, SeqCst);
                        true
                    })
                })
                .collect();
            let mut admitted = 0;
            for task in tasks {
                admitted += usize::from(task.await.unwrap());
            }
            admitted
        });
        assert!(admitted >= LIMIT, "{admitted}");
        assert_eq!((admission.waiting(), admission.in_flight()), (0, 0));
        let all: Vec<_> = (0..LIMIT).map(|_| admission.enter_now()).collect();
        assert!(all.iter().all(Option::is_some));
    }

    #[test]
    fn no_place_is_lost_between_leaving_and_queueing() {
        let admission = Admission::new(1);
        on_threads(4).block_on(async {
            let tasks: Vec<_> = (0..4)
                .map(|_| {
                    let admission = admission.clone();
                    tokio::spawn(async move {
                        let mut refused = 0;
                        for _ in 0..5000 {
                            match admission.enter().await {
                                Some(permit) => drop(permit),
                                None => refused += 1,
                            }
                        }
                        refused
                    })
                })
                .collect();
            let mut refused = 0;
            for task in tasks {
                refused += task.await.unwrap();
            }
            // Places are held for nothing, so only a wake-up that got lost (or a machine that stood still for
            // eight milliseconds) could refuse anybody.
            assert!(refused < 200, "{refused} of 20000");
        });
    }
}
