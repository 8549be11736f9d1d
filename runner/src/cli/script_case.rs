//! A script as a case of the fuzzer: its modules and actions, without what it asserts.

use crate::inputs::{self, Choice};
use fuzz::generate::case::{self, Call, Case, Instantiation, TIERS};
use fuzz::generate::feature_set::find_needed;
use lanes::Options;
use script::{Action, DirectiveKind, Encoded, Script, Source};
use std::collections::HashMap;

/// Returns the case of a script, and remarks on what it leaves out.
///
/// # Errors
///
/// Says why the script cannot be read, or cannot be a case.
pub(super) fn read(path: &str) -> Result<(Case, Vec<String>), String> {
    let (inputs, _) = inputs::gather(&[path.to_string()], &Choice::default()).map_err(|error| error.to_string())?;
    let input = inputs.first().ok_or_else(|| format!("{path} is no script"))?;
    let text = inputs::text(path).map_err(|error| format!("cannot read {path}: {error}"))?;
    let mut reader = Reader::default();
    for directive in Script::parse(&text).directives {
        reader.add(directive.line, &directive.kind())?;
    }
    let mut case = reader.finish();
    case.features = input.features;
    case.needed = find_needed(case.modules.iter().map(Vec::as_slice), case.features);
    Ok((case, reader.remarks))
}

/// An action whose instance may get another name yet: the one that it is registered by.
enum Step {
    Instantiate { module: usize, instance: usize },
    Call { instance: usize, function: String, arguments: Vec<lanes::Value> },
}

#[derive(Default)]
struct Reader {
    modules: Vec<Vec<u8>>,
    /// The definitions by name, and the last one.
    definitions: HashMap<Option<String>, usize>,
    /// The names of the instances, by which others import from them.
    instances: Vec<String>,
    /// The instances by their names in the script, and the last one.
    named: HashMap<Option<String>, usize>,
    steps: Vec<Step>,
    remarks: Vec<String>,
}

impl Reader {
    fn add(&mut self, line: u32, kind: &DirectiveKind) -> Result<(), String> {
        match kind {
            DirectiveKind::Module { id, module } => {
                if let Some(module) = self.define(line, module) {
                    self.instantiate(id.clone(), module);
                }
            }
            DirectiveKind::Definition { id, module } => {
                if let Some(module) = self.define(line, module) {
                    self.definitions.insert(id.clone(), module);
                    self.definitions.insert(None, module);
                }
            }
            DirectiveKind::Instance { id, module } => match self.definitions.get(module).copied() {
                Some(module) => self.instantiate(id.clone(), module),
                None => self.leave_out(line, "there is no such definition"),
            },
            DirectiveKind::Register { name, instance } => match self.named.get(instance).copied() {
                Some(instance) => self.instances[instance].clone_from(name),
                None => self.leave_out(line, "there is no such instance"),
            },
            DirectiveKind::AssertInstantiationTrap(source, _) => self.trap(line, source),
            DirectiveKind::Thread { .. } | DirectiveKind::Wait { .. } => {
                return Err(format!("line {line}: threads cannot be reduced"));
            }
            _ => match kind.action() {
                Some(Action::Invoke { instance, function, arguments }) => {
                    let Some(&instance) = self.named.get(instance) else {
                        self.leave_out(line, "there is no such instance");
                        return Ok(());
                    };
                    let (function, arguments) = (function.clone(), arguments.clone());
                    self.steps.push(Step::Call { instance, function, arguments });
                }
                // What exported globals hold is compared anyway.
                Some(Action::Get { .. }) => {}
                None => self.leave_out(line, "it makes no instance and calls nothing"),
            },
        }
        Ok(())
    }

    fn leave_out(&mut self, line: u32, why: &str) {
        self.remarks.push(format!("line {line} is left out: {why}"));
    }

    fn define(&mut self, line: u32, module: &Encoded) -> Option<usize> {
        match module {
            Ok(binary) => {
                self.modules.push(binary.bytes().to_vec());
                Some(self.modules.len() - 1)
            }
            Err(error) => {
                self.leave_out(line, error);
                None
            }
        }
    }

    fn instantiate(&mut self, id: Option<String>, module: usize) {
        let instance = self.instances.len();
        self.instances.push(id.clone().unwrap_or_else(|| format!("instance{instance}")));
        self.named.insert(id, instance);
        self.named.insert(None, instance);
        self.steps.push(Step::Instantiate { module, instance });
    }

    /// Instantiates a module that traps then. The script cannot name its instance.
    fn trap(&mut self, line: u32, source: &Source) {
        let module = match source {
            Source::Inline(module) => self.define(line, module),
            Source::Definition(name) => self.definitions.get(name).copied(),
        };
        if let Some(module) = module {
            let instance = self.instances.len();
            self.instances.push(format!("instance{instance}"));
            self.steps.push(Step::Instantiate { module, instance });
        }
    }

    fn finish(&mut self) -> Case {
        let steps = std::mem::take(&mut self.steps);
        let actions = steps.into_iter().map(|step| match step {
            Step::Instantiate { module, instance } => {
                case::Action::Instantiate(Instantiation { module, name: self.instances[instance].clone() })
            }
            Step::Call { instance, function, arguments } => {
                case::Action::Call(Call { instance: self.instances[instance].clone(), function, arguments })
            }
        });
        let options = TIERS.map(|tier| (tier, Options { compile_threads: Some(1), ..Options::default() })).into();
        Case { actions: actions.collect(), modules: std::mem::take(&mut self.modules), options, ..Case::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registered_instances_have_the_names_that_others_import() {
        let text = "(module $a (func (export \"f\") (param i32)))\n(register \"lib\" $a)\n
            (module (import \"lib\" \"f\" (func (param i32))) (func (export \"g\")))\n
            (assert_return (invoke \"g\"))\n(invoke $a \"f\" (i32.const 1))\n
            (assert_invalid (module (func drop)) \"x\")";
        let mut reader = Reader::default();
        for directive in Script::parse(text).directives {
            reader.add(directive.line, &directive.kind()).expect("it has no threads");
        }
        let case = reader.finish();
        let calls: Vec<_> = case.calls().map(ToString::to_string).collect();
        assert_eq!(calls, ["instance1.\"g\"()", "lib.\"f\"(i32 1)"]);
        assert_eq!(case.modules.len(), 2);
        assert_eq!(reader.remarks, ["line 9 is left out: it makes no instance and calls nothing"]);
        let thread = Script::parse("(thread $t (invoke \"f\"))");
        assert!(Reader::default().add(1, &thread.directives[0].kind()).is_err());
    }
}
