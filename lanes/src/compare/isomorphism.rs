//! Equality up to the names of things. Functions, tags and objects have numbers of the lane's own. Two lanes show the
//! same if the numbers of one can be replaced by those of the other, one for one, so that all is equal.

use super::{Difference, difference};
use crate::{Contents, Converted, Exception, Object, ObjectRef, Objects, Reference, Value};
use std::collections::HashMap;

/// The things of the left and of the right lane that are paired.
#[derive(Clone, Debug, Default)]
struct Pairs {
    to_right: HashMap<u32, u32>,
    to_left: HashMap<u32, u32>,
}

/// The result of pairing two things.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Pairing {
    /// They are paired now: neither was paired before.
    New,
    /// They were paired with each other before.
    Known,
    /// One of them is paired with another thing.
    Conflict,
}

impl Pairs {
    fn pair(&mut self, left: u32, right: u32) -> Pairing {
        match (self.to_right.get(&left), self.to_left.get(&right)) {
            (None, None) => {
                self.to_right.insert(left, right);
                self.to_left.insert(right, left);
                Pairing::New
            }
            (Some(&of_left), Some(&of_right)) if (of_left, of_right) == (right, left) => Pairing::Known,
            _ => Pairing::Conflict,
        }
    }
}

/// The functions and tags of two sessions.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// True if the lanes number alike, so that the same things have the same numbers.
    alike: bool,
    functions: Pairs,
    tags: Pairs,
}

impl Names {
    pub(crate) fn new(alike: bool) -> Names {
        Names { alike, functions: Pairs::default(), tags: Pairs::default() }
    }

    /// Begins to match values that were shown together, with the objects that they reach.
    pub(crate) fn matching<'a>(&'a mut self, left: &'a Objects, right: &'a Objects) -> Matching<'a> {
        Matching { names: self, left, right, objects: Pairs::default(), ahead: Vec::new() }
    }
}

/// Returns whether both lanes may mean the same thing by these numbers.
fn may_be_same(alike: bool, pairs: &mut Pairs, left: Option<u32>, right: Option<u32>) -> bool {
    let both = left.zip(right);
    both.is_none_or(|(left, right)| (!alike || left == right) && pairs.pair(left, right) != Pairing::Conflict)
}

/// The matching of references that were shown together, and of the objects that they reach.
pub(crate) struct Matching<'a> {
    names: &'a mut Names,
    left: &'a Objects,
    right: &'a Objects,
    objects: Pairs,
    /// The pairs of objects whose contents are still to be compared, in the order in which they were found.
    ahead: Vec<(u32, u32)>,
}

impl Matching<'_> {
    pub(crate) fn values(&mut self, left: &[Value], right: &[Value]) -> bool {
        left.len() == right.len() && left.iter().zip(right).all(|(left, right)| self.value(*left, *right))
    }

    pub(crate) fn value(&mut self, left: Value, right: Value) -> bool {
        match (left, right) {
            (Value::Ref(left), Value::Ref(right)) => self.reference(left, right),
            _ => left == right,
        }
    }

    pub(crate) fn reference(&mut self, left: Reference, right: Reference) -> bool {
        use Reference::{Converted as C, Func, Object};
        match (left, right) {
            (Func(left), Func(right)) => may_be_same(self.names.alike, &mut self.names.functions, left, right),
            (Object(left), Object(right)) | (C(Converted::Object(left)), C(Converted::Object(right))) => {
                self.object(left, right)
            }
            (C(Converted::Hidden), C(_)) | (C(_), C(Converted::Hidden)) => !self.names.alike || left == right,
            _ => left == right,
        }
    }

    /// Returns whether tag and payload are equal, as far as both lanes can tell.
    pub(crate) fn exception(&mut self, left: &Exception, right: &Exception) -> bool {
        let payloads = left.payload.as_ref().zip(right.payload.as_ref());
        self.tag(left.tag, right.tag) && payloads.is_none_or(|(left, right)| self.values(left, right))
    }

    fn tag(&mut self, left: Option<u32>, right: Option<u32>) -> bool {
        may_be_same(self.names.alike, &mut self.names.tags, left, right)
    }

    fn object(&mut self, left: ObjectRef, right: ObjectRef) -> bool {
        let Some((one, other)) = left.number.zip(right.number) else { return left.kind.may_be(right.kind) };
        let paired = self.objects.pair(one, other);
        if paired == Pairing::New {
            self.ahead.push((one, other));
        }
        paired != Pairing::Conflict && left.kind.may_be(right.kind) && (!self.names.alike || one == other)
    }

    /// Compares the contents of the matched objects, and of the objects that these reach.
    pub(crate) fn contents(mut self) -> Option<Difference> {
        let mut next = 0;
        while let Some(&(left, right)) = self.ahead.get(next) {
            next += 1;
            // Of an object into which one of the lanes cannot look, only the identity is known.
            let Some((one, other)) = self.left.get(left).zip(self.right.get(right)) else { continue };
            if let Some([one, other]) = self.compare_contents(one, other) {
                return difference(format!("object \"#{left}\""), one, other);
            }
        }
        let seen = |objects: &Objects| format!("{} looked into, {} not", objects.len(), objects.beyond());
        if self.names.alike && self.left != self.right {
            return difference("objects", seen(self.left), seen(self.right));
        }
        None
    }

    /// Returns the contents of both objects as texts, if they differ.
    fn compare_contents(&mut self, left: &Object, right: &Object) -> Option<[String; 2]> {
        let alike = match (left, right) {
            (Object::Struct { descriptor: Some(left), .. }, Object::Struct { descriptor: Some(right), .. }) => {
                self.value(*left, *right)
            }
            (Object::Struct { descriptor: left, .. }, Object::Struct { descriptor: right, .. }) => left == right,
            (Object::Array(_), Object::Array(_)) => true,
            (Object::Exn { tag: left, .. }, Object::Exn { tag: right, .. }) => self.tag(*left, *right),
            _ => false,
        };
        let (Contents { count: one, values: ones }, Contents { count: other, values: others }) =
            (left.contents(), right.contents());
        if !alike || one != other {
            return Some([left.to_string(), right.to_string()]);
        }
        let index = ones.iter().zip(others).position(|(left, right)| !self.value(*left, *right))?;
        let words = |object: &Object| format!("{object}, value {index}: {}", object.contents().values[index]);
        Some([words(left), words(right)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ObjectKind::{self, Array, Exn, Struct, StructOrArray};

    fn to(kind: ObjectKind, number: u32) -> Value {
        Value::Ref(Reference::Object(ObjectRef { kind, number: Some(number) }))
    }

    fn cell(values: &[Value]) -> Object {
        Object::plain(values.to_vec().into())
    }

    fn graph(objects: &[Object]) -> Objects {
        objects.iter().cloned().collect()
    }

    /// Compares results of lanes that do not number alike.
    fn compared(left: (&[Value], &[Object]), right: (&[Value], &[Object])) -> Result<(), String> {
        let (one, other) = (graph(left.1), graph(right.1));
        let mut names = Names::new(false);
        let mut matching = names.matching(&one, &other);
        if !matching.values(left.0, right.0) {
            return Err("results".to_string());
        }
        matching.contents().map_or(Ok(()), |difference| Err(difference.to_string()))
    }

    const ONE: Value = Value::I32(1);
    const TWO: Value = Value::I32(2);

    #[test]
    fn numbers_do_not_matter() {
        let roots = [to(Struct, 0), to(Array, 1)];
        let left = [cell(&[ONE, to(Struct, 2)]), Object::Array(vec![TWO].into()), cell(&[TWO, to(Array, 1)])];
        let other_roots = [to(Struct, 2), to(Array, 1)];
        let right = [cell(&[TWO, to(Array, 1)]), Object::Array(vec![TWO].into()), cell(&[ONE, to(Struct, 0)])];
        assert_eq!(compared((&roots, &left), (&other_roots, &right)), Ok(()));
        let (one, other) = (graph(&left), graph(&right));
        let mut alike = Names::new(true);
        assert!(!alike.matching(&one, &other).values(&roots, &other_roots), "lanes that number alike do");
    }

    #[test]
    fn a_value_differs() {
        let left = [cell(&[ONE, to(Struct, 1)]), cell(&[TWO])];
        let right = [cell(&[ONE, to(Struct, 1)]), cell(&[ONE])];
        let found = compared((&[to(Struct, 0)], &left), (&[to(Struct, 0)], &right));
        let text = "object \"#1\": struct of 1, value 0: i32 2 / struct of 1, value 0: i32 1";
        assert_eq!(found, Err(text.to_string()));
    }

    #[test]
    fn descriptors_are_part_of_what_they_describe() {
        let described = |by| Object::Struct { descriptor: Some(to(Struct, by)), fields: vec![ONE].into() };
        let roots = [to(Struct, 0), to(Struct, 1)];
        let one = [described(2), described(2), cell(&[TWO])];
        let two = [described(2), described(3), cell(&[TWO]), cell(&[TWO])];
        let renamed = [described(3), described(3), cell(&[]), cell(&[TWO])];
        assert_eq!(compared((&roots, &one), (&roots, &renamed)), Ok(()));
        let found = compared((&roots, &one), (&roots, &two));
        let [left, right] = [2, 3].map(|by| format!("struct described by ref.struct #{by} of 1"));
        assert_eq!(found, Err(format!("object \"#1\": {left} / {right}")));
        assert!(compared((&roots, &two), (&roots, &one)).is_err(), "what describes both describes only one");
        let other = [described(2), described(2), cell(&[ONE])];
        assert!(compared((&roots, &one), (&roots, &other)).is_err(), "what describes holds something else");
        assert!(compared((&roots, &one), (&roots, &[cell(&[ONE]), cell(&[ONE])])).is_err(), "nothing describes");
    }

    #[test]
    fn sharing_differs() {
        let once = compared(
            (&[to(Struct, 0), to(Struct, 0)], &[cell(&[ONE])]),
            (&[to(Struct, 0), to(Struct, 1)], &[cell(&[ONE]), cell(&[ONE])]),
        );
        assert_eq!(once, Err("results".to_string()));
        let shared = [cell(&[to(Struct, 1), to(Struct, 1)]), cell(&[])];
        let equal = [cell(&[to(Struct, 1), to(Struct, 2)]), cell(&[]), cell(&[])];
        let roots = [to(Struct, 0)];
        assert!(compared((&roots, &shared), (&roots, &equal)).is_err());
        assert!(compared((&roots, &equal), (&roots, &shared)).is_err());
    }

    #[test]
    fn lengths_and_kinds_differ() {
        let array = |values: &[Value]| [Object::Array(values.to_vec().into())];
        let roots = [to(Array, 0)];
        assert_eq!(compared((&roots, &array(&[ONE])), (&roots, &array(&[ONE]))), Ok(()));
        let found = compared((&roots, &array(&[ONE])), (&roots, &array(&[ONE, ONE])));
        assert_eq!(found, Err("object \"#0\": array of 1 / array of 2".to_string()));
        assert!(compared((&roots, &[]), (&[to(Struct, 0)], &[])).is_err());
        assert!(compared((&[to(StructOrArray, 0)], &array(&[])), (&[to(StructOrArray, 0)], &[cell(&[])])).is_err());
    }

    #[test]
    fn cycles_differ() {
        let one = [cell(&[to(Struct, 0)])];
        let two = [cell(&[to(Struct, 1)]), cell(&[to(Struct, 0)])];
        let roots = [to(Struct, 0)];
        assert_eq!(compared((&roots, &one), (&roots, &one)), Ok(()));
        assert_eq!(compared((&roots, &two), (&roots, &two)), Ok(()));
        assert!(compared((&roots, &one), (&roots, &two)).is_err());
        assert!(compared((&roots, &two), (&roots, &one)).is_err());
    }

    #[test]
    fn of_what_is_hidden_kind_and_identity_count() {
        let left = ([to(Struct, 0), to(Array, 1), to(Struct, 0)], [cell(&[ONE]), Object::Array(vec![].into())]);
        let hidden = |roots: [Value; 3]| compared((&left.0, &left.1), (&roots, &[]));
        assert_eq!(hidden([to(Struct, 7), to(Array, 8), to(Struct, 7)]), Ok(()));
        assert_eq!(hidden([to(StructOrArray, 7), to(StructOrArray, 8), to(StructOrArray, 7)]), Ok(()));
        assert!(hidden([to(Struct, 7), to(Array, 8), to(Struct, 9)]).is_err(), "not the same object");
        assert!(hidden([to(Struct, 7), to(Array, 7), to(Struct, 7)]).is_err(), "the same object");
        assert!(hidden([to(Struct, 7), to(Struct, 8), to(Struct, 7)]).is_err(), "another kind");
        let nameless = Value::Ref(Reference::Object(ObjectRef { kind: Struct, number: None }));
        assert_eq!(hidden([nameless, to(Array, 8), nameless]), Ok(()));
        let converted = |converted| Value::Ref(Reference::Converted(converted));
        let [of_object, of_integer] =
            [Converted::Object(ObjectRef { kind: Struct, number: Some(0) }), Converted::I31(3)].map(converted);
        let hidden = converted(Converted::Hidden);
        assert_eq!(compared((&[of_object, of_integer], &[cell(&[])]), (&[hidden, hidden], &[])), Ok(()));
        assert!(compared((&[of_object], &[]), (&[of_integer], &[])).is_err());
    }

    #[test]
    fn the_rest_of_a_large_object_is_not_compared() {
        let cut = |values: Vec<Value>, count| [Object::Array(Contents { count, values })];
        let roots = [to(Array, 0)];
        assert_eq!(compared((&roots, &cut(vec![ONE], 9)), (&roots, &cut(vec![ONE, TWO], 9))), Ok(()));
        assert!(compared((&roots, &cut(vec![ONE], 9)), (&roots, &cut(vec![ONE], 8))).is_err());
    }

    #[test]
    fn functions_and_tags_are_named_throughout() {
        let func = |number| Reference::Func(Some(number));
        let (left, right) = (Objects::default(), Objects::default());
        let mut names = Names::new(false);
        assert!(names.matching(&left, &right).reference(func(0), func(4)));
        assert!(names.matching(&left, &right).reference(func(1), Reference::Func(None)));
        assert!(!names.matching(&left, &right).reference(func(1), func(4)));
        assert!(!names.matching(&left, &right).reference(func(0), func(5)));
        let thrown = |tag, payload: Value| Object::Exn { tag: Some(tag), payload: vec![payload].into() };
        let same = compared((&[to(Exn, 0)], &[thrown(0, ONE)]), (&[to(Exn, 0)], &[thrown(3, ONE)]));
        assert_eq!(same, Ok(()));
        let twice = |tags: [u32; 2]| tags.map(|tag| thrown(tag, ONE));
        let roots = [to(Exn, 0), to(Exn, 1)];
        let found = compared((&roots, &twice([0, 0])), (&roots, &twice([0, 1])));
        assert_eq!(found, Err("object \"#1\": exn of tag #0 of 1 / exn of tag #1 of 1".to_string()));
    }
}
