"use strict";
const say = typeof print === "function" ? print : console.log;
const bytes = (hex) => Uint8Array.from(hex.match(/../g) || [], (pair) => parseInt(pair, 16));
const view = new DataView(new ArrayBuffer(8));
const f32 = (bits) => (view.setUint32(0, bits), view.getFloat32(0));
const f64 = (bits) => (view.setBigUint64(0, bits), view.getFloat64(0));
const externals = new Map();
const external = (n) => externals.get(n) || (externals.set(n, { external: n }), externals.get(n));
const show = (value, type) => {
  if (type === "i32") return `i32 ${value}`;
  if (type === "i64") return `i64 ${value}`;
  if (type === "f32") return (view.setFloat32(0, value), `f32 ${value} (0x${view.getUint32(0).toString(16)})`);
  if (type === "f64") return (view.setFloat64(0, value), `f64 ${value} (0x${view.getBigUint64(0).toString(16)})`);
  if (value === null) return `${type} null`;
  if (typeof value === "object" && "external" in value) return `${type} ${value.external}`;
  return `${type} ${typeof value}`;
};
const stack = (error) => String(error.stack || "").split("\n").filter((line) => line.includes("wasm")).join("\n");
const imports = {
  host: {
    call: (f) => f(),
    call_i32: (f, x) => f(x),
    fail: () => { throw new Error("host.fail was called"); },
    panic: () => { throw new Error("host.panic was called"); },
  },
};
const host = (module, name, f) => ((imports[module] = imports[module] || {})[name] = f);
const instantiate = (name, binary) => {
  try {
    imports[name] = new WebAssembly.Instance(new WebAssembly.Module(binary), imports).exports;
  } catch (error) {
    say(`instantiate ${name}: ${error}\n${stack(error)}`);
  }
};
const call = (instance, name, args, types, expected) => {
  say(`${instance}.${name}`);
  say(`  expected: ${expected}`);
  try {
    const result = imports[instance][name](...args);
    const results = types.length === 0 ? [] : types.length === 1 ? [result] : [...result];
    say(`  seen: [${results.map((value, k) => show(value, types[k])).join(", ")}]`);
  } catch (error) {
    say(`  seen: ${error}\n${stack(error)}`);
  }
};
