// Conversion of values between the protocol and JavaScript. Values that JavaScript hides are lowered to integers.

// The functions and host values of a store, by number.
class References {
  constructor() {
    this.numbers = new Map();
    this.functions = [];
    this.externs = new Map();
  }

  functionNumber(func) {
    if (!this.numbers.has(func)) this.numbers.set(func, this.functions.push(func) - 1);
    return this.numbers.get(func);
  }

  extern(number) {
    if (!this.externs.has(number)) this.externs.set(number, { extern: number });
    return this.externs.get(number);
  }
}

// Appends the JavaScript values of the lowered types for a value of the protocol.
function lowerValue(store, type, bits, values) {
  const [name] = Object.keys(bits);
  if (isForeign(type)) throw failed("unsupported", "the adapter has no words for a parameter's type");
  const references = {
    funcref: ["func", "null"],
    externref: ["extern", "null"],
    anyref: ["host", "i31", "null"],
  };
  const expected = references[type.name] || [type.name];
  if (!expected.includes(name)) throw failed("usage", `an argument of the type ${type.name} is given as ${name}`);
  const digits = bits[name];
  if (name === "i32" || name === "f32") values.push(parseInt(digits, 16) | 0);
  else if (name === "i64" || name === "f64") values.push(BigInt.asIntN(64, BigInt("0x" + digits)));
  else if (name === "v128") {
    const half = (text) => BigInt.asIntN(64, BigInt("0x" + text));
    values.push(half(digits.slice(16)), half(digits.slice(0, 16)));
  } else if (name === "null") values.push(null);
  else if (name === "extern" || name === "host") values.push(store.references.extern(digits));
  else if (name === "i31") values.push((digits << 1) >> 1);
  else {
    const func = store.references.functions[digits];
    if (!func) throw failed("usage", `there is no function ${digits}`);
    values.push(func);
  }
}

function lowerValues(store, types, list) {
  if (types.length !== list.length) throw failed("usage", `${types.length} values are needed, not ${list.length}`);
  const values = [];
  types.forEach((type, index) => lowerValue(store, type, list[index], values));
  return values;
}

// The values of the protocol for JavaScript values of the lowered types.
function raiseValues(store, types, values) {
  let next = 0;
  return types.map((type) => {
    const value = values[next++];
    switch (type.name) {
      case "i32":
      case "f32":
        return { [type.name]: hex32(value) };
      case "i64":
      case "f64":
        return { [type.name]: hex64(value) };
      case "v128":
        return { v128: hex64(values[next++]) + hex64(value) };
      default:
        return reference(store, type, value);
    }
  });
}

const NULLS = { funcref: "func", externref: "extern", anyref: "any" };

function reference(store, { name }, value) {
  if (!(name in NULLS)) throw failed("unsupported", "the adapter has no words for a reference of this type");
  if (value === null) return { null: NULLS[name] };
  if (name === "funcref") return { func: store.references.functionNumber(value) };
  const isHost = typeof value === "object" && store.references.externs.get(value.extern) === value;
  if (name === "externref") return isHost ? { extern: value.extern } : { object: "extern" };
  if (isHost) return { host: value.extern };
  if (typeof value === "number") return { i31: value & 0x7fffffff };
  return { object: isStruct(value) ? "struct" : "array" };
}

// The results of a call as a list. JavaScript returns nothing, a value or a list.
function resultList(types, result) {
  const count = lowered(types).length;
  return count === 0 ? [] : count === 1 ? [result] : [...result];
}
