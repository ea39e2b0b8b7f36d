//! The loop.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

use crate::ask::Ask;
use crate::connection::{Connection, Event};
use crate::options::Options;
use crate::pace::Pace;
use crate::tally::Tally;

/// Room for what is read: large, so that a large answer takes few calls.
const ROOM: usize = 1 << 20;

/// Runs the whole plan.
pub fn run(options: &mut Options) -> Result<Tally, Errno> {
    let asks = std::mem::take(&mut options.asks);
    let mut client = Client::new(options, asks)?;
    client.connect_all()?;
    if options.phases.is_empty() {
        client.closed()?;
    } else {
        client.open()?;
    }
    client.tally.most_connections = client.connections.len();
    Ok(client.tally)
}

struct Client<'a> {
    options: &'a Options,
    asks: Vec<Ask>,
    asked: u64,
    epoll: std::os::fd::OwnedFd,
    /// By token; a vacant place is a connection that could not be reopened.
    connections: Vec<Option<Connection>>,
    /// Longest idle first, so that all connections take part.
    idle: VecDeque<usize>,
    /// Due times that wait for a connection.
    waiting: VecDeque<Duration>,
    in_flight: usize,
    next_ask: usize,
    began: Instant,
    count_from: Duration,
    tally: Tally,
    room: Vec<u8>,
    events: Vec<epoll::Event>,
}

impl<'a> Client<'a> {
    fn new(options: &'a Options, asks: Vec<Ask>) -> Result<Client<'a>, Errno> {
        Ok(Client {
            options,
            asks,
            asked: 0,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            connections: Vec::new(),
            idle: VecDeque::new(),
            waiting: VecDeque::new(),
            in_flight: 0,
            next_ask: 0,
            began: Instant::now(),
            count_from: Duration::ZERO,
            tally: Tally { slice: options.slice, ..Tally::default() },
            room: vec![0; ROOM],
            events: Vec::with_capacity(1024),
        })
    }

    fn connect_all(&mut self) -> Result<(), Errno> {
        for _ in 0..self.options.connections {
            let token = self.add()?;
            self.idle.push_back(token);
        }
        Ok(())
    }

    /// Every connection asks again as soon as it has its answer.
    fn closed(&mut self) -> Result<(), Errno> {
        self.began = Instant::now();
        self.count_from = self.options.warm;
        let end = self.options.warm + self.options.length;
        let mut counted_from = None;
        loop {
            let now = self.began.elapsed();
            if now >= self.options.warm && counted_from.is_none() {
                counted_from = Some(now);
                self.tally = Tally { slice: self.options.slice, ..Tally::default() };
            }
            if now >= end {
                let seconds = (now - counted_from.unwrap_or(now)).as_secs_f64();
                self.tally.seconds = seconds;
                self.tally.due = self.tally.all.count + self.tally.failures.values().sum::<u64>();
                return Ok(());
            }
            while let Some(token) = self.idle.pop_front() {
                self.ask(token, now, now)?;
            }
            // Never asleep: to wake a sleeper would cost the server more than
            // some answers do.
            self.poll(Some(Duration::ZERO))?;
            self.give_up()?;
        }
    }

    /// Requests fall due by the plan.
    fn open(&mut self) -> Result<(), Errno> {
        let length: Duration = self.options.phases.iter().map(|phase| phase.length).sum();
        let mut pace = Pace::new(&self.options.phases);
        let mut next = pace.next();
        let mut checked = Duration::ZERO;
        self.began = Instant::now();
        self.tally.seconds = length.as_secs_f64();
        loop {
            let now = self.began.elapsed();
            while let Some(due) = next.filter(|due| *due <= now) {
                self.tally.due += 1;
                self.tally.lateness.add(now - due);
                self.waiting.push_back(due);
                next = pace.next();
            }
            self.serve_waiting()?;
            if next.is_none() && self.in_flight == 0 && self.waiting.is_empty() {
                return Ok(());
            }
            self.poll(Some(Duration::ZERO))?;
            if now > checked + Duration::from_millis(10) {
                checked = now;
                self.give_up()?;
            }
        }
    }

    fn serve_waiting(&mut self) -> Result<(), Errno> {
        while !self.waiting.is_empty() {
            let token = match self.idle.pop_front() {
                Some(token) => token,
                None if self.connections.len() < self.options.most_connections => self.add()?,
                None => return Ok(()),
            };
            if let Some(due) = self.waiting.pop_front() {
                let now = self.began.elapsed();
                self.ask(token, due, now)?;
            }
        }
        Ok(())
    }

    fn ask(&mut self, token: usize, due: Duration, now: Duration) -> Result<(), Errno> {
        let which = self.next_ask;
        self.next_ask = (which + 1) % self.asks.len().max(1);
        self.asked += 1;
        if let Some(ask) = self.asks.get_mut(which) {
            ask.count(self.asked);
        }
        let Some(connection) = self.connections.get_mut(token).and_then(Option::as_mut) else {
            return Ok(());
        };
        self.in_flight += 1;
        let event = connection.ask(which, &self.asks, due, now);
        self.follow(token, event)
    }

    fn poll(&mut self, wait: Option<Duration>) -> Result<(), Errno> {
        let wait = wait.and_then(|wait| Timespec::try_from(wait).ok());
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), wait.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(problem) => return Err(problem),
        }
        for event in &events {
            let token = event.data.u64() as usize;
            let flags = event.flags;
            self.happened(token, flags)?;
        }
        self.events = events;
        Ok(())
    }

    fn happened(&mut self, token: usize, flags: epoll::EventFlags) -> Result<(), Errno> {
        let Some(connection) = self.connections.get_mut(token).and_then(Option::as_mut) else {
            return Ok(());
        };
        let mut event = Event::Waiting;
        if flags.intersects(epoll::EventFlags::OUT | epoll::EventFlags::ERR) {
            event = connection.writable(&self.asks);
        }
        if matches!(event, Event::Waiting)
            && flags.intersects(epoll::EventFlags::IN | epoll::EventFlags::HUP | epoll::EventFlags::ERR)
        {
            let ended = flags.intersects(epoll::EventFlags::RDHUP | epoll::EventFlags::HUP);
            event = connection.readable(&self.asks, ended, &mut self.room, &mut self.tally.octets);
            // Its end was announced and will not be again.
            if let Event::Answer { closes, .. } = &mut event {
                *closes |= ended;
            }
        }
        self.follow(token, event)
    }

    fn follow(&mut self, token: usize, event: Event) -> Result<(), Errno> {
        let Some(connection) = self.connections.get_mut(token).and_then(Option::as_mut) else {
            return Ok(());
        };
        match event {
            Event::Waiting => Ok(()),
            Event::Answer { status, closes } => {
                let now = self.began.elapsed();
                if let Some((_, due)) = connection.in_flight.take() {
                    self.in_flight -= 1;
                    self.tally.answered(status, due, now.saturating_sub(due));
                }
                connection.answered += 1;
                let enough = self.options.per_connection.is_some_and(|most| connection.answered >= most);
                if closes || enough {
                    self.reopen(token)?;
                }
                self.idle.push_back(token);
                Ok(())
            }
            Event::Broken(why) => {
                let was_idle = connection.in_flight.is_none();
                if let Some((_, due)) = connection.in_flight.take() {
                    self.in_flight -= 1;
                    self.tally.failed(why, due);
                }
                self.reopen(token)?;
                // An idle connection is in the list already.
                if !was_idle {
                    self.idle.push_back(token);
                }
                Ok(())
            }
        }
    }

    /// Gives up what has waited for longer than the client's patience.
    fn give_up(&mut self) -> Result<(), Errno> {
        let Some(limit) = self.began.elapsed().checked_sub(self.options.patience) else {
            return Ok(());
        };
        while self.waiting.front().is_some_and(|due| *due < limit) {
            if let Some(due) = self.waiting.pop_front() {
                self.tally.failed("never sent", due);
            }
        }
        for token in 0..self.connections.len() {
            let late = self.connections[token]
                .as_ref()
                .is_some_and(|connection| connection.in_flight.is_some() && connection.sent < limit);
            if late {
                self.follow(token, Event::Broken("patience"))?;
            }
        }
        Ok(())
    }

    fn add(&mut self) -> Result<usize, Errno> {
        let token = self.connections.len();
        let connection = Connection::open(self.options.server)?;
        self.watch(&connection, token)?;
        self.connections.push(Some(connection));
        Ok(token)
    }

    fn reopen(&mut self, token: usize) -> Result<(), Errno> {
        if let Some(old) = self.connections.get_mut(token).and_then(Option::take) {
            old.close_hard();
        }
        let connection = Connection::open(self.options.server)?;
        self.watch(&connection, token)?;
        if let Some(place) = self.connections.get_mut(token) {
            *place = Some(connection);
        }
        Ok(())
    }

    /// Edge-triggered: a socket speaks up when something changes, and every
    /// reading goes on until there is nothing more.
    fn watch(&self, connection: &Connection, token: usize) -> Result<(), Errno> {
        epoll::add(
            &self.epoll,
            connection.socket(),
            epoll::EventData::new_u64(token as u64),
            epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::RDHUP | epoll::EventFlags::ET,
        )
    }
}
