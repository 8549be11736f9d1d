//! Structs, arrays and values of the host in the garbage-collected heap: `cargo run -p engine --example objects`.

use engine::{
    ArrayRef, ConcreteType, Config, Engine, ExternRef, HeapType, Instance, Module, RefType, Result, RootScope, Store,
    StructRef, Val, ValType,
};

/// A module that moves points, and that keeps a value of the host without looking into it.
const TEXT: &str = r#"
    (module
      (type $point (struct (field $x (mut i32)) (field $y (mut i32))))
      (type $points (array (mut (ref null $point))))
      (global $label (mut externref) (ref.null extern))
      (func (export "set_label") (param externref) (global.set $label (local.get 0)))
      (func (export "label") (result externref) (global.get $label))
      (func (export "new_point") (param $x i32) (param $y i32) (result (ref $point))
        (struct.new $point (local.get $x) (local.get $y)))
      (func (export "move_right") (param $points (ref $points)) (param $by i32)
        (local $i i32) (local $point (ref null $point))
        (loop $next
          (local.set $point (array.get $points (local.get $points) (local.get $i)))
          (struct.set $point $x (local.get $point)
            (i32.add (struct.get $point $x (local.get $point)) (local.get $by)))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $next (i32.lt_u (local.get $i) (array.len (local.get $points)))))))
"#;

fn main() -> Result<()> {
    let engine = Engine::new(&Config::new())?;
    let module = Module::new(&engine, TEXT)?;
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[])?;
    move_points(&mut store, instance)?;
    keep_values(&mut store, instance)
}

/// Makes objects of the module's types, passes them to the module, and reads them.
fn move_points(store: &mut Store<()>, instance: Instance) -> Result<()> {
    let new_point = instance.get_func(&mut *store, "new_point")?;
    let move_right = instance.get_func(&mut *store, "move_right")?;

    // References that the host gets are valid until the end of the scope. Without a scope they live as long as the
    // store.
    let mut scope = RootScope::new(store);
    let points = defined_type(move_right.ty(&scope)?.params[0]);
    let point = defined_type(new_point.ty(&scope)?.results[0]);

    let mut results = [Val::AnyRef(None)];
    new_point.call(&mut scope, &[Val::I32(1), Val::I32(2)], &mut results)?;
    let made_by_host = StructRef::new(&mut scope, point, &[Val::I32(10), Val::I32(20)])?;
    let array = ArrayRef::new_fixed(&mut scope, points, &[results[0], made_by_host.into()])?;

    move_right.call(&mut scope, &[array.into(), Val::I32(5)], &mut [])?;
    assert_eq!(made_by_host.fields(&mut scope)?, [Val::I32(15), Val::I32(20)]);
    for index in 0..array.len(&scope)? {
        let Val::AnyRef(Some(element)) = array.get(&mut scope, index)? else { continue };
        if let Some(point) = element.as_struct(&scope)? {
            println!("point {index}: {:?}", point.fields(&mut scope)?);
        }
    }
    Ok(())
}

/// Lends a value of the host to the module, and keeps a reference to it over collections.
fn keep_values(store: &mut Store<()>, instance: Instance) -> Result<()> {
    let set_label = instance.get_typed_func::<Option<ExternRef>, ()>(&mut *store, "set_label")?;
    let label = instance.get_typed_func::<(), Option<ExternRef>>(&mut *store, "label")?;

    let owned = {
        let mut scope = RootScope::new(&mut *store);
        let value = ExternRef::new(&mut scope, "the host's own".to_string())?;
        set_label.call(&mut scope, Some(value))?;
        // It outlives the scope, so it could be part of the store's data, too.
        value.to_owned_rooted(&mut scope)?
    };
    // The collector moves objects, and keeps all that the host or the module still holds.
    store.gc()?;

    let mut scope = RootScope::new(store);
    let value = label.call(&mut scope, ())?.expect("the module holds the label");
    assert!(value.ref_eq(&owned.to_rooted(&mut scope)?, &scope)?);
    let text = value.data(&scope)?.and_then(|value| value.downcast_ref::<String>());
    println!("the label is {text:?}");
    Ok(())
}

/// Returns the type of the module that a reference type names.
fn defined_type(ty: ValType) -> ConcreteType {
    match ty {
        ValType::Ref(RefType { heap: HeapType::Concrete(ty), .. }) => ty,
        other => panic!("{other} is no reference to a defined type"),
    }
}

#[test]
fn runs() -> Result<()> {
    main()
}
