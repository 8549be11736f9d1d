//! The one walk over what linked engines show: values, the objects that they reach, and what exports hold.

use super::context::{Any, EngineContext, Export, Found, Inside, Raised};
use crate::{Contents, Converted, Object, ObjectRef, Objects, Reference, State, TableState, Value};
use std::collections::HashMap;

/// Values that were shown together, and the objects that they reach.
pub(crate) type Shown = (Vec<Value>, Objects);

/// Shows values together.
pub(crate) fn show<C: EngineContext>(context: &mut C, values: &[C::Val]) -> Result<Shown, C::Error> {
    let mut walk = Walk::new();
    let shown = walk.values(context, values)?;
    Ok((shown, walk.finish(context)?))
}

/// Shows what the exports of an instance hold, in the order of their names.
pub(crate) fn state<C: EngineContext>(context: &mut C, instance: &C::Instance) -> Result<State, C::Error> {
    let mut exports = context.exports(instance)?;
    exports.sort_by(|(left, _), (right, _)| left.cmp(right));
    let (mut state, mut walk) = (State::default(), Walk::new());
    for (name, export) in exports {
        match export {
            Export::Global(value) => state.globals.push((name, walk.value(context, &value)?)),
            Export::Memory(memory) => state.memories.push((name, memory)),
            Export::Table(table) => state.tables.push((name, walk.table(context, &table)?)),
        }
    }
    state.objects = walk.finish(context)?;
    Ok(state)
}

/// The walk through an engine's heap. It numbers objects in the order in which it finds them, breadth first.
struct Walk<C: EngineContext> {
    /// All objects that were found, by number.
    found: Vec<C::Handle>,
    /// Numbers by hash. Objects with the same hash take the next free keys.
    numbers: HashMap<u64, u32>,
    /// The objects that were looked into, by number.
    seen: Vec<Object>,
    /// The number of objects and values that may still be looked at.
    room: u32,
}

impl<C: EngineContext> Walk<C> {
    /// A walk that has found nothing yet. It needs no memory as long as there are no objects.
    fn new() -> Walk<C> {
        Walk { found: Vec::new(), numbers: HashMap::new(), seen: Vec::new(), room: Objects::MOST }
    }

    fn values(&mut self, context: &mut C, values: &[C::Val]) -> Result<Vec<Value>, C::Error> {
        values.iter().map(|value| self.value(context, value)).collect()
    }

    fn value(&mut self, context: &mut C, value: &C::Val) -> Result<Value, C::Error> {
        Ok(Value::Ref(match context.raise(value)? {
            Raised::Plain(value) => return Ok(value),
            Raised::Any(Any::Object(found)) | Raised::Exn(found) => Reference::Object(self.object(context, &found)),
            Raised::Any(Any::I31(value)) => Reference::I31(value),
            Raised::Any(Any::Host(number)) => Reference::Host(number),
            Raised::Extern(Any::Object(found)) => Reference::Converted(Converted::Object(self.object(context, &found))),
            Raised::Extern(Any::I31(value)) => Reference::Converted(Converted::I31(value)),
            Raised::Extern(Any::Host(number)) => Reference::Extern(number),
        }))
    }

    fn object(&mut self, context: &C, found: &Found<C::Handle>) -> ObjectRef {
        ObjectRef { kind: found.kind, number: Some(self.number(context, found)) }
    }

    /// Returns the number of an object: the known one, or the next.
    fn number(&mut self, context: &C, found: &Found<C::Handle>) -> u32 {
        let mut hash = found.hash;
        while let Some(&number) = self.numbers.get(&hash) {
            if context.is_same(&self.found[number as usize], &found.handle) {
                return number;
            }
            hash = hash.wrapping_add(1);
        }
        let number = u32::try_from(self.found.len()).expect("no heap has 2^32 objects");
        self.numbers.insert(hash, number);
        self.found.push(found.handle.clone());
        number
    }

    fn table(&mut self, context: &mut C, table: &C::Table) -> Result<TableState, C::Error> {
        let length = context.table_size(table)?;
        let mut elements = Vec::new();
        for index in 0..length.min(TableState::LISTED) {
            let Some(element) = context.table_element(table, index)? else { continue };
            if let Value::Ref(reference) = self.value(context, &element)?
                && !matches!(reference, Reference::Null(_))
            {
                elements.push((index, reference));
            }
        }
        Ok(TableState { length, elements })
    }

    /// Looks into all objects that were found, and into those that they reach.
    fn finish(mut self, context: &mut C) -> Result<Objects, C::Error> {
        while let Some(handle) = self.next() {
            let object = match context.look_into(&handle)? {
                Inside::Struct { descriptor, fields } => {
                    // The descriptor has its number before the fields have theirs.
                    let descriptor = match descriptor {
                        Some(descriptor) => Some(self.value(context, &descriptor)?),
                        None => None,
                    };
                    Object::Struct { descriptor, fields: self.contents(context, &fields)? }
                }
                Inside::Array(length) => Object::Array(self.elements(context, &handle, length)?),
                Inside::Exn { tag, payload } => {
                    Object::Exn { tag: Some(tag), payload: self.contents(context, &payload)? }
                }
            };
            self.seen.push(object);
        }
        let beyond = u32::try_from(self.found.len() - self.seen.len()).expect("no heap has 2^32 objects");
        Ok(Objects::new(self.seen, beyond))
    }

    /// Returns the next object to look into, if there is one and room for it.
    fn next(&mut self) -> Option<C::Handle> {
        let handle = self.found.get(self.seen.len()).cloned()?;
        self.room = self.room.checked_sub(1)?;
        Some(handle)
    }

    /// Returns how many of `count` values may be looked at, and takes the room for them.
    fn take(&mut self, count: u32) -> u32 {
        let taken = count.min(self.room);
        self.room -= taken;
        taken
    }

    fn contents(&mut self, context: &mut C, all: &[C::Val]) -> Result<Contents, C::Error> {
        let count = u32::try_from(all.len()).expect("a type has fewer than 2^32 fields");
        let taken = &all[..self.take(count) as usize];
        Ok(Contents { count, values: self.values(context, taken)? })
    }

    fn elements(&mut self, context: &mut C, array: &C::Handle, count: u32) -> Result<Contents, C::Error> {
        let mut values = Vec::new();
        for index in 0..self.take(count) {
            let element = context.element(array, index)?;
            values.push(self.value(context, &element)?);
        }
        Ok(Contents { count, values })
    }
}
