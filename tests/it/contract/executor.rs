//! What every executor promises, asked of the simulated one here and of each real one beside it.

use std::sync::Arc;

use tokio::sync::mpsc;
use tribune::domain::run::{Check, Failure, Outcome, Run};
use tribune::ports::executor::{ExecError, Executor, Started};

use super::argv::{Bench, RUN};
use crate::containment::{text, until};
use crate::world::executor::FakeExecutor;

/// What is to happen once something is started.
pub struct Act {
    /// Lines that come out, in order.
    pub says: &'static [&'static str],
    /// What happens then.
    pub then: Then,
}

/// How an act ends.
#[derive(Clone, Copy)]
pub enum Then {
    /// With this code; 2 means to a check that the world differs.
    Exits(u8),
    /// Not by itself.
    GoesOn,
}

/// An executor, and whatever makes what it starts act.
pub trait Machine {
    fn new(act: Act) -> Self;

    /// Returns the folders of the run, and leave for it.
    fn bench(&self) -> &Bench;

    /// Returns what is asked.
    fn executor(&self) -> Arc<dyn Executor>;

    /// Lets what was started act.
    fn play(&self);

    /// From now on nothing can be started safely.
    fn break_down(&mut self);
}

/// The simulated executor.
struct Fake {
    bench: Bench,
    executor: FakeExecutor,
    act: Act,
}

impl Machine for Fake {
    fn new(act: Act) -> Self {
        let executor = FakeExecutor::default();
        Self { bench: Bench::new(""), executor, act }
    }

    fn bench(&self) -> &Bench {
        &self.bench
    }

    fn executor(&self) -> Arc<dyn Executor> {
        Arc::new(self.executor.clone())
    }

    fn play(&self) {
        let run = RUN.to_string();
        for line in self.act.says {
            self.executor.write(&run, &format!("{line}\n"));
        }
        match self.act.then {
            Then::GoesOn => {}
            Then::Exits(0) => self.executor.end(&run, Outcome::Succeeded),
            Then::Exits(2) if self.executor.is_check() => {
                self.executor.end(&run, Outcome::Differs);
            }
            Then::Exits(code) => {
                let how = Failure::Exit(code.into());
                self.executor.end(&run, Outcome::Failed { how, target: None });
            }
        }
    }

    fn break_down(&mut self) {
        self.executor.refuse("this machine is broken");
    }
}

async fn start<M: Machine>(
    machine: &M,
) -> Result<(Started, mpsc::Receiver<bytes::Bytes>), ExecError> {
    let (to, from) = mpsc::channel(64);
    let (bench, executor) = (machine.bench(), machine.executor());
    let started = executor.run(bench.leave::<Run>().await, &bench.workspace(), to).await?;
    machine.play();
    Ok((started, from))
}

async fn check<M: Machine>(machine: &M) -> (Outcome, String) {
    let (to, from) = mpsc::channel(64);
    let (bench, executor) = (machine.bench(), machine.executor());
    let leave = bench.leave::<Check>().await;
    let started = executor.check(leave, &bench.workspace(), to).await.unwrap();
    machine.play();
    let _cancel = started.cancel;
    tokio::join!(started.finished, text(from))
}

pub async fn output_comes_in_order_and_ends_with_the_run<M: Machine>() {
    let machine = M::new(Act { says: &["one", "two", "three"], then: Then::Exits(0) });
    let (started, from) = start(&machine).await.unwrap();
    let _cancel = started.cancel;
    let (outcome, said) = tokio::join!(started.finished, text(from));
    assert_eq!((outcome, said.as_str()), (Outcome::Succeeded, "one\ntwo\nthree\n"));
}

pub async fn a_run_that_fails_says_how_and_is_never_called_different<M: Machine>() {
    for code in [1, 2] {
        let machine = M::new(Act { says: &["no"], then: Then::Exits(code) });
        let (started, from) = start(&machine).await.unwrap();
        let _cancel = started.cancel;
        let (outcome, _) = tokio::join!(started.finished, text(from));
        let how = Failure::Exit(code.into());
        assert_eq!(outcome, Outcome::Failed { how, target: None });
    }
}

pub async fn a_check_tells_same_from_different_from_failed<M: Machine>() {
    for (code, expected) in [
        (0, Outcome::Succeeded),
        (2, Outcome::Differs),
        (3, Outcome::Failed { how: Failure::Exit(3), target: None }),
    ] {
        let machine = M::new(Act { says: &["looked"], then: Then::Exits(code) });
        assert_eq!(check(&machine).await, (expected, "looked\n".to_owned()));
    }
}

pub async fn cancelling_ends_it_and_so_does_letting_go<M: Machine>() {
    let machine = M::new(Act { says: &["ready"], then: Then::GoesOn });
    let (started, mut from) = start(&machine).await.unwrap();
    until(&mut from, "ready").await;
    started.cancel.send(()).unwrap();
    assert_eq!(started.finished.await, Outcome::Cancelled);
    assert_eq!(text(from).await, "", "and with it the output");

    let machine = M::new(Act { says: &["ready"], then: Then::GoesOn });
    let (started, mut from) = start(&machine).await.unwrap();
    until(&mut from, "ready").await;
    drop(started.cancel);
    assert_eq!(started.finished.await, Outcome::Cancelled);
}

pub async fn what_is_refused_does_not_run<M: Machine>() {
    let mut machine = M::new(Act { says: &["never"], then: Then::Exits(0) });
    machine.break_down();
    let (to, from) = mpsc::channel(64);
    let (bench, executor) = (machine.bench(), machine.executor());
    let leave = bench.leave::<Run>().await;
    let refused = executor.run(leave, &bench.workspace(), to).await.err().unwrap();
    assert!(matches!(refused, ExecError::Refused(_)), "{refused:?}");
    assert_eq!(text(from).await, "");
}

pub async fn what_is_not_there_is_reaped_at_once<M: Machine>() {
    let machine = M::new(Act { says: &[], then: Then::Exits(0) });
    machine.executor().reap(RUN).await.unwrap();
    let (started, from) = start(&machine).await.unwrap();
    let _cancel = started.cancel;
    tokio::join!(started.finished, text(from));
    machine.executor().reap(RUN).await.unwrap();
}

/// Runs the suite over a machine.
macro_rules! executor_suite {
    ($machine:ident) => {
        crate::contract::executor::executor_suite!($machine:
            output_comes_in_order_and_ends_with_the_run
            a_run_that_fails_says_how_and_is_never_called_different
            a_check_tells_same_from_different_from_failed
            cancelling_ends_it_and_so_does_letting_go
            what_is_refused_does_not_run
            what_is_not_there_is_reaped_at_once
        );
    };
    ($machine:ident: $($name:ident)*) => {
        mod suite {
            $(#[tokio::test]
            async fn $name() {
                crate::contract::executor::$name::<super::$machine>().await;
            })*
        }
    };
}
pub(crate) use executor_suite;

executor_suite!(Fake);
