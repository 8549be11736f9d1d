//! The kernels in any lanes, by name: linked engines, installed ones in processes of their own, and our interpreter.
//!
//! Lanes stand behind one trait, so a call includes the way through it; the kernels run for milliseconds, which makes
//! that small. Each lane is sampled in alternation with the first one.

use crate::kernels::{KERNELS, Kernel, OBJECT_KERNELS};
use crate::measure::{Budget, Clock, Samples, alternate};
use crate::plan::Unit;
use crate::{Result, table};
use comfy_table::Table;
use lanes::{Binary, Features, InstanceId, Lane, Options, Session, Value};

/// The lanes to measure, and how.
pub struct LanePlan<'a> {
    /// The names, separated by commas. The first lane is the one that ratios refer to.
    pub lanes: &'a str,
    /// The clock.
    pub clock: Clock,
    /// The time for each lane and kernel.
    pub budget: Budget,
    /// A part that the kernel's name must contain.
    pub filter: &'a str,
    /// True if kernels run with their full arguments, false for a moment only.
    pub full: bool,
}

/// Measures the kernels in all lanes. Returns a table of medians, and in parentheses of their ratios to the first lane.
///
/// # Errors
///
/// A lane that there is not, the first error of an engine, or a kernel whose results differ.
pub fn measure(plan: &LanePlan<'_>) -> Result<Table> {
    let lanes = lanes::parse(plan.lanes, &Options::default())?;
    if let Some(absent) = lanes.absent.iter().find(|absent| !absent.optional) {
        return Err(absent.to_string().into());
    }
    let [first, others @ ..] = &lanes.present[..] else { return Err("there is no lane to measure".into()) };
    let names = lanes.present.iter().map(|lane| lane.info().name.as_str());
    let mut shown = table::table(&std::iter::once("kernel").chain(names).collect::<Vec<_>>());
    for kernel in KERNELS.iter().chain(&OBJECT_KERNELS).filter(|kernel| kernel.name.contains(plan.filter)) {
        // A lane alone is measured beside itself.
        let others = if others.is_empty() { &lanes.present[..] } else { others };
        let pairs = others.iter().map(|other| pair(plan, kernel, &**first, &**other)).collect::<Result<Vec<_>>>()?;
        let of_first = pairs.iter().flatten().next().map_or(UNSUPPORTED.to_string(), |[first, _]| median(first));
        let of_others = pairs.iter().map(|pair| match pair {
            Some([first, other]) => format!("{} ({:.2})", median(other), other.median() / first.median()),
            None => UNSUPPORTED.to_string(),
        });
        let cells = [kernel.name.to_string(), of_first].into_iter().chain(of_others);
        shown.add_row(cells.take(1 + lanes.present.len()));
    }
    Ok(shown)
}

/// The cell of a kernel that a lane cannot run.
const UNSUPPORTED: &str = "unsupported";

fn median(samples: &Samples) -> String {
    table::show(Unit::Time, samples.median())
}

/// Samples a kernel in two lanes. `None` if one of them lacks objects, and the kernel needs them.
fn pair(plan: &LanePlan<'_>, kernel: &Kernel, one: &dyn Lane, other: &dyn Lane) -> Result<Option<[Samples; 2]>> {
    let features = Features::WASM_3_0;
    let wasm = wat::parse_str(kernel.text)?;
    let needs_objects = OBJECT_KERNELS.iter().any(|known| known.name == kernel.name);
    if needs_objects && [one, other].iter().any(|lane| !lane.lacks(Features::GC).is_empty()) {
        return Ok(None);
    }
    let (mut one, mut other) = (Running::start(one, features, &wasm)?, Running::start(other, features, &wasm)?);
    let (argument, result) = kernel.known;
    for running in [&mut one, &mut other] {
        let seen = running.run(argument)?;
        if seen != result {
            return Err(format!("{} returns {seen}, not {result}", kernel.name).into());
        }
    }
    let argument = if plan.full { kernel.argument } else { argument };
    let repeat = |running: &mut Running<'_>, times| (0..times).try_for_each(|_| running.run(argument).map(|_| ()));
    let samples =
        alternate(plan.clock, &plan.budget, |times| repeat(&mut one, times), |times| repeat(&mut other, times))?;
    Ok(Some(samples))
}

/// An instance of a kernel.
struct Running<'a> {
    session: Box<dyn Session + 'a>,
    instance: InstanceId,
}

impl<'a> Running<'a> {
    fn start(lane: &'a dyn Lane, features: Features, wasm: &[u8]) -> Result<Running<'a>> {
        let name = &lane.info().name;
        let mut session = lane.session(features - lane.lacks(features)).map_err(|error| format!("{name}: {error}"))?;
        let module = session.load(&Binary::new(wasm.to_vec())).map_err(|refusal| format!("{name}: {refusal}"))?;
        let instance = session.instantiate(module).map_err(|error| format!("{name}: {error}"))?;
        Ok(Running { session, instance })
    }

    fn run(&mut self, argument: i32) -> Result<i64> {
        match self.session.invoke(self.instance, "run", &[Value::I32(argument)]).map_err(|error| error.to_string())?[..]
        {
            [Value::I64(result)] => Ok(result),
            _ => Err("a kernel returns one i64".into()),
        }
    }
}
