//! The scheduler: sleeps, and waits for files and clocks.
//!
//! It exists beside that of `wasi-common`, which reports every file as ready when one is, and fails for files that
//! cannot say how many bytes are ready, such as `/dev/null`.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::time::Duration;
use wasi_common::sched::subscription::{RwEventFlags, Subscription};
use wasi_common::sync::sched::SyncSched;
use wasi_common::{Error, ErrorExt, Poll, WasiSched};

pub(crate) struct Scheduler;

#[wiggle::async_trait]
impl WasiSched for Scheduler {
    async fn poll_oneoff<'a>(&self, subscriptions: &mut Poll<'a>) -> Result<(), Error> {
        let ready = wait(subscriptions)?;
        for (subscription, ready) in subscriptions.rw_subscriptions().zip(ready) {
            if ready.is_empty() {
                continue;
            }
            let (file, bytes) = match subscription {
                // At least one byte, or the end of the file: a read does not block.
                Subscription::Read(file) => {
                    let bytes = file.file.num_ready_bytes().unwrap_or(0).max(1);
                    (file, bytes)
                }
                Subscription::Write(file) => (file, 0),
                Subscription::MonotonicClock(_) => continue,
            };
            if ready.contains(PollFlags::NVAL) {
                file.error(Error::badf());
            } else if ready.contains(PollFlags::ERR) {
                file.error(Error::io());
            } else if ready.contains(PollFlags::HUP) {
                file.complete(bytes, RwEventFlags::HANGUP);
            } else {
                file.complete(bytes, RwEventFlags::empty());
            }
        }
        Ok(())
    }

    async fn sched_yield(&self) -> Result<(), Error> {
        SyncSched {}.sched_yield().await
    }

    async fn sleep(&self, duration: Duration) -> Result<(), Error> {
        SyncSched {}.sleep(duration).await
    }
}

/// Waits until a file is ready or the first deadline has passed. Returns what each file is ready for.
fn wait(subscriptions: &mut Poll<'_>) -> Result<Vec<PollFlags>, Error> {
    let mut files = Vec::new();
    for subscription in subscriptions.rw_subscriptions() {
        let (file, flags) = match subscription {
            Subscription::Read(file) => (file, PollFlags::IN),
            Subscription::Write(file) => (file, PollFlags::OUT),
            Subscription::MonotonicClock(_) => continue,
        };
        let descriptor = file.file.pollable().ok_or_else(|| Error::invalid_argument().context("not pollable"))?;
        files.push(PollFd::from_borrowed_fd(descriptor, flags));
    }
    loop {
        let left = subscriptions.earliest_clock_deadline().map(|clock| clock.duration_until().unwrap_or_default());
        let left = left.map(Timespec::try_from).transpose().map_err(|_| Error::overflow())?;
        match poll(&mut files, left.as_ref()) {
            Ok(_) => return Ok(files.iter().map(PollFd::revents).collect()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(std::io::Error::from(error).into()),
        }
    }
}
