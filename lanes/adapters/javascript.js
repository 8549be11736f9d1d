// An adapter of Touchstone's executable protocol (lanes/src/child/protocol.rs) for engines that JavaScript embeds:
// V8 (node), JavaScriptCore (bun) and SpiderMonkey (its shell, js). One file, no dependency:
//
//     node lanes/adapters/javascript.js        bun lanes/adapters/javascript.js        js102 lanes/adapters/javascript.js
//
// JavaScript hides things. Its numbers do not keep the bits of a NaN, `v128` does not cross the boundary, and a
// JavaScript function can be imported with any type. So no value but integers and references crosses: small modules made
// here ("thunks") stand between, which turn floats into integers of the same bits and vectors into two `i64`; host
// functions are thunks too, and have exactly one type. Frames of thunks are left out of backtraces. To know the types of
// exports, the adapter reads the sections of each module before the code.
//
// What JavaScript cannot tell: a malformed from an invalid module (both are CompileError: `rejected`), and fuel. What
// each engine cannot tell is in its table of texts.
"use strict";

(function () {
  // ---------------------------------------------------------------- the engines

  // The kinds that an engine's words mean. An engine with one text for several kinds gets all of them.
  const MEMORY = "memory-out-of-bounds", TABLE = "table-out-of-bounds", UNDEFINED = "undefined-element";
  const NULL_ENTRY = "uninitialized-element", MISMATCH = "indirect-call-type-mismatch";
  const OVERFLOW = "integer-overflow", DIVISION = "integer-divide-by-zero", CONVERSION = "invalid-conversion-to-integer";
  const NULL = "null-reference", CAST = "cast-failure", ARRAY = "array-out-of-bounds";
  const UNALIGNED = "unaligned-atomic", UNSHARED = "expected-shared-memory";

  const V8 = {
    engine: "V8",
    texts: [
      [/^unreachable$/, ["unreachable"]],
      [/^memory access out of bounds$|data segment.* out of bounds/, [MEMORY]],
      [/^table index is out of bounds$/, [UNDEFINED, TABLE]],
      [/^table access out of bounds$|element segment.* out of bounds|table initializer.* out of bounds/, [TABLE]],
      [/^(null function or )?function signature mismatch$/, [MISMATCH, NULL_ENTRY]],
      [/^(divide|remainder) by zero$/, [DIVISION]],
      [/^divide result unrepresentable$/, [OVERFLOW]],
      [/^float unrepresentable in integer range$/, [OVERFLOW, CONVERSION]],
      [/^dereferencing a null pointer$|^rethrowing null value$/, [NULL]],
      [/^illegal cast$/, [CAST]],
      [/^array element access out of bounds$/, [ARRAY]],
      [/^operation does not support unaligned accesses$/, [UNALIGNED]],
      [/^Atomics\.wait cannot be called in this context$/, [UNSHARED]],
    ],
    stackOverflow: /^Maximum call stack size exceeded/,
    resource: /[Oo]ut of memory|could not allocate|too many|exceeds|maximum/,
    // A function's name may contain line breaks.
    between: /\n(?=\s+at )/,
    frame(line) {
      const match = /^\s+at (?:(.*) \()?wasm:\/\/wasm\/(.*):wasm-function\[(\d+)\]:0x([0-9a-f]+)\)?$/s.exec(line);
      if (!match) return null;
      const module = /^(.*)-[0-9a-f]{8,}$/.exec(match[2]);
      const frame = { func: Number(match[3]), offset: parseInt(match[4], 16) };
      if (module) frame.module = module[1];
      // `module.function`, `module` for a function without a name, or `function` in a module without one.
      const shown = match[1];
      if (shown !== undefined && !module) frame.name = shown;
      if (shown !== undefined && module && shown !== module[1]) frame.name = shown.slice(module[1].length + 1);
      return frame;
    },
    tells: ["frames", "offsets", "state"],
  };

  const JSC = {
    engine: "JavaScriptCore",
    texts: [
      [/^Unreachable code should not be executed/, ["unreachable"]],
      [/^Out of bounds memory access/, [MEMORY, UNALIGNED, UNSHARED]],
      [/^Unaligned memory access/, [UNALIGNED]],
      [/^Out of bounds (or failed to allocate in )?array\.(new|init)_data/, [MEMORY, ARRAY]],
      [/^Out of bounds (or failed to allocate in )?array\.(new|init)_elem/, [TABLE, ARRAY]],
      [/^access to a null reference/, [NULL, CAST]],
      [/^Out of bounds data.* access|data segment|Invalid data segment/, [MEMORY]],
      [/^Out of bounds table access|^Out of bounds element|^Element is trying to set an out of bounds/, [TABLE]],
      [/^Out of bounds call_indirect/, [UNDEFINED]],
      [/^call_indirect to a null table entry/, [NULL_ENTRY]],
      [/^call_indirect to a signature that does not match/, [MISMATCH, NULL_ENTRY]],
      [/^Division by zero/, [DIVISION]],
      [/^Integer overflow/, [OVERFLOW]],
      [/^Out of bounds Trunc operation/, [OVERFLOW, CONVERSION]],
      [/null reference|null exception/, [NULL]],
      [/^ref\.cast failed/, [CAST]],
      [/^Out of bounds array/, [ARRAY]],
    ],
    stackOverflow: /^Maximum call stack size exceeded/,
    resource: /[Oo]ut of memory|couldn't create|too large|exceeds|maximum/,
    // `name.wasm-function[7]`; in place of the index stands the function's name if the name section has one, so the
    // engine does not get to see that section.
    frame(line) {
      const match = /^(.*)\.wasm-function\[(\d*)\]$/.exec(line);
      if (!match) return null;
      const frame = { func: Number(match[2]) };
      if (match[1] === THUNK) frame.module = THUNK;
      return frame;
    },
    withoutNames: true,
    tells: ["frames", "state"],
  };

  const SPIDERMONKEY = {
    engine: "SpiderMonkey",
    texts: [
      [/^unreachable executed$/, ["unreachable"]],
      [/^index out of bounds$/, [MEMORY, UNDEFINED, TABLE]],
      [/^(unaligned|out of bounds) memory access|data segment does not fit/, [MEMORY]],
      [/^table index out of bounds$/, [TABLE, UNDEFINED]],
      [/elem(ent)? segment does not fit/, [TABLE]],
      [/^indirect call to null$/, [NULL_ENTRY]],
      [/^indirect call signature mismatch$/, [MISMATCH]],
      [/^integer divide by zero$/, [DIVISION]],
      [/^integer overflow$/, [OVERFLOW]],
      [/^invalid conversion to integer$/, [CONVERSION]],
    ],
    stackOverflow: /^too much recursion/,
    resource: /out of memory|too many|too much|failed to allocate|maximum|too large/,
    frame(line) {
      const match = /^(.*)@.*:wasm-function\[(\d+)\]:0x([0-9a-f]+)$/.exec(line);
      // An imported function that is called by nobody, as a start function is, is shown as a frame at offset 0.
      if (!match || match[3] === "0") return null;
      const frame = { func: Number(match[2]), offset: parseInt(match[3], 16) };
      if (match[1].startsWith(THUNK + ".")) frame.module = THUNK;
      return frame;
    },
    // An error object keeps this many frames; a backtrace of that length may have lost its end.
    mostFrames: 128,
    tells: ["frames", "offsets", "state"],
  };

  // The engine that runs this, with `version`, `readLine`, `writeLine` and `collect`.
  function platform() {
    if (typeof process !== "undefined" && typeof require === "function") {
      const bun = typeof Bun !== "undefined";
      const version = bun ? `bun ${Bun.version}` : `${process.versions.v8} (node ${process.versions.node})`;
      return Object.assign({}, bun ? JSC : V8, { version, collect() {} }, descriptors(require("fs")));
    }
    const version = typeof getBuildConfiguration === "function" ? getBuildConfiguration().version : undefined;
    return Object.assign({}, SPIDERMONKEY, {
      version: version || "of the shell, which does not tell",
      readLine: () => readline(),
      writeLine: (line) => print(line),
      collect: () => gc(),
    });
  }

  // Lines over the file descriptors, synchronously: a request is served before the next one is read.
  function descriptors(fs) {
    const buffer = Buffer.alloc(1 << 16);
    let parts = [], rest = Buffer.alloc(0);
    return {
      readLine() {
        for (;;) {
          const end = rest.indexOf(10);
          if (end >= 0) {
            parts.push(rest.subarray(0, end));
            const line = Buffer.concat(parts).toString("latin1");
            parts = [];
            rest = rest.subarray(end + 1);
            return line;
          }
          parts.push(rest);
          let length;
          try {
            length = fs.readSync(0, buffer, 0, buffer.length, null);
          } catch (error) {
            if (error.code === "EOF") return null;
            if (error.code !== "EAGAIN") throw error;
            continue;
          }
          if (length === 0) return null;
          rest = Buffer.from(buffer.subarray(0, length));
        }
      },
      writeLine(line) {
        const bytes = Buffer.from(line + "\n", "latin1");
        for (let start = 0; start < bytes.length; ) start += fs.writeSync(1, bytes, start);
      },
    };
  }

  // ---------------------------------------------------------------- bits and bytes

  const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const VALUE_OF_DIGIT = new Uint8Array(128);
  for (let index = 0; index < 64; index++) VALUE_OF_DIGIT[DIGITS.charCodeAt(index)] = index;

  function fromBase64(text) {
    if (typeof Buffer !== "undefined") return new Uint8Array(Buffer.from(text, "base64"));
    const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
    const bytes = new Uint8Array((text.length / 4) * 3 - padding);
    for (let from = 0, to = 0; from < text.length; from += 4) {
      let bits = 0;
      for (let digit = 0; digit < 4; digit++) bits = (bits << 6) | VALUE_OF_DIGIT[text.charCodeAt(from + digit)];
      bytes[to++] = bits >> 16;
      if (to < bytes.length) bytes[to++] = bits >> 8;
      if (to < bytes.length) bytes[to++] = bits;
    }
    return bytes;
  }

  function toBase64(bytes) {
    if (typeof Buffer !== "undefined") {
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
    }
    let text = "";
    for (let from = 0; from < bytes.length; from += 3) {
      const bits = (bytes[from] << 16) | (bytes[from + 1] << 8) | bytes[from + 2];
      text += DIGITS[bits >> 18] + DIGITS[(bits >> 12) & 63] + DIGITS[(bits >> 6) & 63] + DIGITS[bits & 63];
    }
    const padding = (3 - (bytes.length % 3)) % 3;
    return padding === 0 ? text : text.slice(0, -padding) + "=".repeat(padding);
  }

  const hex32 = (number) => (number >>> 0).toString(16).padStart(8, "0");
  const hex64 = (number) => BigInt.asUintN(64, number).toString(16).padStart(16, "0");

  function utf8(bytes) {
    let escaped = "";
    for (const byte of bytes) escaped += "%" + byte.toString(16).padStart(2, "0");
    return decodeURIComponent(escaped);
  }

  // What stops a request with an answer of its own.
  class Stop extends Error {
    constructor(answer) {
      super("");
      this.answer = answer;
    }
  }
  const failed = (reason, message) => new Stop({ failed: { reason, message } });

  // ---------------------------------------------------------------- reading binaries

  const TYPES = {
    0x7f: "i32", 0x7e: "i64", 0x7d: "f32", 0x7c: "f64", 0x7b: "v128", 0x70: "funcref", 0x6f: "externref",
    0x6e: "anyref", 0x6d: "eqref", 0x6c: "i31ref", 0x6b: "structref", 0x6a: "arrayref",
    0x73: "nullfuncref", 0x72: "nullexternref", 0x71: "nullref",
  };
  const CODES = Object.fromEntries(Object.entries(TYPES).map(([code, name]) => [name, Number(code)]));

  class Reader {
    constructor(bytes) {
      this.bytes = bytes;
      this.at = 0;
    }

    byte() {
      if (this.at >= this.bytes.length) throw new RangeError("the binary ends too early");
      return this.bytes[this.at++];
    }

    // An unsigned number of at most 53 bits.
    number() {
      let value = 0, scale = 1;
      for (;;) {
        const byte = this.byte();
        value += (byte & 127) * scale;
        if (byte < 128) return value;
        scale *= 128;
      }
    }

    name() {
      const length = this.number();
      this.at += length;
      return utf8(this.bytes.subarray(this.at - length, this.at));
    }

    list(item) {
      const items = [];
      for (let count = this.number(); count > 0; count--) items.push(item(this));
      return items;
    }

    // A value type's name; `other` for types that this adapter has no values of. A type by index may come before what
    // stands at the index: it is the index, until `resolve` says what it is.
    type() {
      const code = this.byte();
      if (code !== 0x63 && code !== 0x64) return TYPES[code] || "other";
      const heap = this.heapType();
      if (heap >= 0) return heap;
      const name = TYPES[heap + 128] || "other";
      // A function type made of it would be another one than the module's.
      return code === 0x63 ? name : { funcref: "function", externref: "host", anyref: "object" }[family(name)] || "other";
    }

    // A heap type: a type index, or a negative number for an abstract one.
    heapType() {
      let value = 0, scale = 1;
      for (;;) {
        const byte = this.byte();
        value += (byte & 127) * scale;
        scale *= 128;
        if (byte < 128) return (byte & 64) !== 0 ? value - scale : value;
      }
    }

    storage() {
      const code = this.bytes[this.at];
      if (code === 0x78 || code === 0x77) this.at++;
      else this.type();
      this.byte();
    }

    limits() {
      const flags = this.byte();
      this.number();
      if (flags & 1) this.number();
      if (flags & 8) this.number();
      return flags;
    }

    tableType() {
      const type = this.type();
      return { type, flags: this.limits() };
    }

    globalType() {
      const type = this.type();
      return { type, mutable: this.byte() };
    }

    // Appends a group's types; what is no function is null.
    types(types) {
      let code = this.byte();
      if (code === 0x4e) {
        for (let count = this.number(); count > 0; count--) this.types(types);
        return;
      }
      if (code === 0x50 || code === 0x4f) {
        this.list((reader) => reader.number());
        code = this.byte();
      }
      if (code === 0x60) {
        const params = this.list((reader) => reader.type());
        types.push({ params, results: this.list((reader) => reader.type()) });
        return;
      }
      if (code === 0x5f) this.list((reader) => reader.storage());
      else this.storage();
      types.push(null);
    }

    // Skips a constant expression: its instructions have a few immediates each.
    expression() {
      for (;;) {
        const code = this.byte();
        if (code === 0x0b) return;
        if (code === 0x43) this.at += 4;
        else if (code === 0x44) this.at += 8;
        else if (code === 0x41 || code === 0x42 || code === 0x23 || code === 0xd2 || code === 0xd0) this.skipNumber();
        else if (code === 0xfd) {
          this.number();
          this.at += 16;
        } else if (code === 0xfb) {
          const sub = this.number();
          if (sub <= 1 || sub === 6 || sub === 7) this.number();
          else if (sub === 8) this.number(), this.number();
        }
      }
    }

    skipNumber() {
      while (this.byte() >= 128);
    }
  }

  // The hierarchy that a reference type belongs to, by its greatest type.
  const FAMILIES = {
    function: "funcref", nullfuncref: "funcref", host: "externref", nullexternref: "externref", object: "anyref",
    eqref: "anyref", i31ref: "anyref", structref: "anyref", arrayref: "anyref", nullref: "anyref",
  };
  const family = (type) => FAMILIES[type] || type;

  const KINDS = ["func", "table", "memory", "global", "tag"];

  // The types of a module's exports, by name. The module is valid.
  function exportsOf(bytes) {
    const { exports, types } = readExports(bytes);
    const resolve = (type) => (typeof type !== "number" ? type : types[type] ? "function" : "object");
    for (const item of exports.values()) {
      if (item.kind === "func") {
        item.type = { params: item.type.params.map(resolve), results: item.type.results.map(resolve) };
      } else if (item.kind !== "memory" && item.kind !== "tag") {
        item.type = Object.assign({}, item.type, { type: resolve(item.type.type) });
      }
    }
    return exports;
  }

  function readExports(bytes) {
    const reader = new Reader(bytes);
    const types = [];
    const spaces = { func: [], table: [], memory: [], global: [], tag: [] };
    const exports = new Map();
    for (reader.at = 8; reader.at < bytes.length; ) {
      const section = reader.byte();
      const length = reader.number();
      const end = reader.at + length;
      const count = section === 0 || section > 7 ? 0 : reader.number();
      for (let index = 0; index < count; index++) {
        if (section === 1) reader.types(types);
        else if (section === 2) importOf(reader, types, spaces);
        else if (section === 3) spaces.func.push(types[reader.number()]);
        else if (section === 4) tableOf(reader, spaces);
        else if (section === 5) spaces.memory.push({ flags: reader.limits() });
        else if (section === 6) {
          spaces.global.push(reader.globalType());
          reader.expression();
        } else if (section === 7) {
          const name = reader.name();
          const kind = KINDS[reader.byte()];
          exports.set(name, { kind, type: spaces[kind][reader.number()] });
        }
      }
      reader.at = end;
    }
    return { exports, types };
  }

  function tableOf(reader, spaces) {
    const initial = reader.bytes[reader.at] === 0x40;
    if (initial) reader.at += 2;
    spaces.table.push(reader.tableType());
    if (initial) reader.expression();
  }

  function importOf(reader, types, spaces) {
    reader.name();
    reader.name();
    const kind = KINDS[reader.byte()];
    if (kind === "func") spaces.func.push(types[reader.number()]);
    else if (kind === "table") spaces.table.push(reader.tableType());
    else if (kind === "memory") spaces.memory.push({ flags: reader.limits() });
    else if (kind === "global") spaces.global.push(reader.globalType());
    else {
      reader.byte();
      spaces.tag.push(types[reader.number()]);
    }
  }

  // The module without its name sections. Only an engine that shows names in place of indices gets this.
  function stripNames(bytes) {
    try {
      return withoutNames(bytes);
    } catch (error) {
      // Whatever is wrong with the module is the engine's to find.
      return bytes;
    }
  }

  function withoutNames(bytes) {
    const parts = [bytes.subarray(0, 8)];
    const reader = new Reader(bytes);
    for (reader.at = 8; reader.at < bytes.length; ) {
      const start = reader.at;
      const section = reader.byte();
      const length = reader.number();
      const end = reader.at + length;
      if (end > bytes.length) return bytes;
      if (section !== 0 || !isNamed(bytes.subarray(reader.at, end), "name")) parts.push(bytes.subarray(start, end));
      reader.at = end;
    }
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
    return whole;
  }

  function isNamed(section, name) {
    return section[0] === name.length && [...name].every((letter, index) => section[index + 1] === letter.charCodeAt(0));
  }

  // ---------------------------------------------------------------- writing binaries

  const THUNK = "touchstone-thunk";
  const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

  function leb(number) {
    const bytes = [];
    for (; number >= 128; number >>>= 7) bytes.push((number & 127) | 128);
    return bytes.concat(number);
  }

  const list = (items) => leb(items.length).concat(...items);
  const text = (string) => list([...string].map((letter) => letter.charCodeAt(0)));
  const section = (id, bytes) => [id].concat(leb(bytes.length), bytes);
  const binary = (...sections) => new Uint8Array(HEADER.concat(...sections));
  const functionType = ({ params, results }) =>
    [0x60].concat(list(params.map((type) => CODES[type])), list(results.map((type) => CODES[type])));
  // A module's name, by which its frames are known.
  const named = () => section(0, text("name").concat(0, leb(THUNK.length + 1), text(THUNK)));

  const SAME = { types: null, lower: [], raise: [] };
  const WAYS = {
    f32: { types: ["i32"], lower: [0xbc], raise: [0xbe] },
    f64: { types: ["i64"], lower: [0xbd], raise: [0xbf] },
    v128: { types: ["i64", "i64"] },
  };
  const way = (type) => WAYS[type] || SAME;
  const lowered = (types) => [].concat(...types.map((type) => way(type).types || [type]));
  const loweredType = ({ params, results }) => ({ params: lowered(params), results: lowered(results) });
  const hidden = ({ params, results }) => params.some((type) => type in WAYS) || results.some((type) => type in WAYS);
  const foreign = ({ params, results }) => params.includes("other") || results.includes("other");
  // A type that a thunk cannot name: it is known by what its values are, functions, host values or objects.
  const nameless = ({ params, results }) => [...params, ...results].some((type) => NAMELESS.includes(type));
  const NAMELESS = ["function", "host", "object"];

  // Pushes the locals from `first` on, which have these types, as lowered values.
  function lower(types, first) {
    return [].concat(
      ...types.map((type, index) => {
        const get = [0x20].concat(leb(first + index));
        if (type === "v128") return get.concat(0xfd, 0x1d, 0, get, 0xfd, 0x1d, 1);
        return get.concat(way(type).lower);
      }),
    );
  }

  // Pushes values of these types, whose lowered parts are in the locals from `first` on.
  function raise(types, first) {
    let local = first;
    const get = () => [0x20].concat(leb(local++));
    return [].concat(
      ...types.map((type) => {
        if (type === "v128") return get().concat(0xfd, 0x12, get(), 0xfd, 0x1e, 1);
        return get().concat(way(type).raise);
      }),
    );
  }

  // Pops values into the locals from `first` on.
  function pop(types, first) {
    return [].concat(...types.map((_, index) => [0x21].concat(leb(first + types.length - 1 - index))));
  }

  // A module that imports a function of one of the types and exports it with the other.
  function thunkModule(type, outward) {
    const low = loweredType(type);
    const [outer, inner] = outward ? [type, low] : [low, type];
    const results = outer.params.length;
    const pass = outward ? lower(type.params, 0) : raise(type.params, 0);
    const back = outward ? raise(type.results, results) : lower(type.results, results);
    const locals = list(inner.results.map((result) => [1, CODES[result]]));
    const body = locals.concat(pass, 0x10, 0, pop(inner.results, results), back, 0x0b);
    return new WebAssembly.Module(
      binary(
        section(1, list([functionType(inner), functionType(outer)])),
        section(2, list([text("").concat(text("f"), 0, 0)])),
        section(3, list([[1]])),
        section(7, list([text("f").concat(0, 1)])),
        section(10, list([leb(body.length).concat(body)])),
        named(),
      ),
    );
  }

  const thunkModules = new Map();

  function thunk(type, outward, inner) {
    const key = `${outward} ${type.params} ${type.results}`;
    if (!thunkModules.has(key)) thunkModules.set(key, thunkModule(type, outward));
    return new WebAssembly.Instance(thunkModules.get(key), { "": { f: inner } }).exports.f;
  }

  // A function that reads a global of a type that JavaScript hides.
  function globalReader({ type, mutable }, global) {
    const key = `global ${type} ${mutable}`;
    if (!thunkModules.has(key)) {
      const body = [0, 0x23, 0].concat(
        type === "v128" ? [0xfd, 0x1d, 0, 0x23, 0, 0xfd, 0x1d, 1] : way(type).lower,
        0x0b,
      );
      const module = binary(
        section(1, list([functionType({ params: [], results: lowered([type]) })])),
        section(2, list([text("").concat(text("g"), 3, CODES[type], mutable)])),
        section(3, list([[0]])),
        section(7, list([text("f").concat(0, 0)])),
        section(10, list([leb(body.length).concat(body)])),
        named(),
      );
      thunkModules.set(key, new WebAssembly.Module(module));
    }
    return new WebAssembly.Instance(thunkModules.get(key), { "": { g: global } }).exports.f;
  }

  // ---------------------------------------------------------------- what the engine has

  function features() {
    const types = (...more) => section(1, list([[0x60, 0, 0], ...more]));
    const code = (...body) => section(10, list([leb(body.length + 2).concat(0, body, 0x0b)]));
    const one = section(3, list([[0]]));
    const memory = (...limits) => section(5, list(limits));
    const run = (...body) => [types(), one, code(...body)];
    const zero = [0x41, 0], zeros = [0x42, 0, 0x42, 0, 0x42, 0, 0x42, 0];
    const vector = [...zero, 0xfd, 0x0f];
    const modules = {
      "mutable-globals": [section(6, list([[0x7f, 1, ...zero, 0x0b]])), section(7, list([text("g").concat(3, 0)]))],
      "saturating-float-to-int": run(0x43, 0, 0, 0, 0, 0xfc, 0, 0x1a),
      "sign-extension": run(...zero, 0xc0, 0x1a),
      "multi-value": [section(1, list([[0x60, 0, 2, 0x7f, 0x7f]])), one, code(...zero, ...zero)],
      "reference-types": run(0xd0, 0x6f, 0x1a),
      "bulk-memory": [types(), one, memory([0, 1]), code(...zero, ...zero, ...zero, 0xfc, 0x0a, 0, 0)],
      simd: run(...vector, 0x1a),
      "tail-call": run(0x12, 0),
      "extended-const": [section(6, list([[0x7f, 0, ...zero, ...zero, 0x6a, 0x0b]]))],
      "function-references": run(0xd0, 0, 0x1a),
      gc: [types([0x5f, 0]), one, code(0xfb, 1, 1, 0x1a)],
      "multi-memory": [memory([0, 0], [0, 0])],
      memory64: [memory([4, 0])],
      exceptions: run(0x1f, 0x40, 0, 0x0b),
      "relaxed-simd": run(...vector, ...vector, 0xfd, 0x80, 2, 0x1a),
      threads: [types(), one, memory([3, 0, 0]), code(0xfe, 3, 0)],
      "custom-page-sizes": [memory([8, 0, 0])],
      "wide-arithmetic": run(...zeros, 0xfc, 0x13, 0x1a, 0x1a),
      "legacy-exceptions": run(0x06, 0x40, 0x0b),
    };
    return Object.keys(modules).filter((name) => WebAssembly.validate(binary(...modules[name])));
  }

  // ---------------------------------------------------------------- values

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

  // A value of the protocol as JavaScript values of the lowered types, appended to `values`.
  function lowerValue(store, type, bits, values) {
    const [name] = Object.keys(bits);
    if (type === "other") throw failed("unsupported", "the adapter has no words for a parameter's type");
    const references = {
      funcref: ["func", "null"],
      externref: ["extern", "null"],
      anyref: ["host", "i31", "null"],
    };
    const expected = references[family(type)] || [type];
    if (!expected.includes(name)) throw failed("usage", `an argument of the type ${type} is given as ${name}`);
    const digits = bits[name];
    if (name === "i32" || name === "f32") values.push(parseInt(digits, 16) | 0);
    else if (name === "i64" || name === "f64") values.push(BigInt.asIntN(64, BigInt("0x" + digits)));
    else if (name === "v128") {
      values.push(BigInt.asIntN(64, BigInt("0x" + digits.slice(16))), BigInt.asIntN(64, BigInt("0x" + digits.slice(0, 16))));
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

  // The protocol's values from JavaScript values of the lowered types.
  function raiseValues(store, types, values) {
    let next = 0;
    return types.map((type) => {
      const value = values[next++];
      switch (type) {
        case "i32":
        case "f32":
          return { [type]: hex32(value) };
        case "i64":
        case "f64":
          return { [type]: hex64(value) };
        case "v128":
          return { v128: hex64(values[next++]) + hex64(value) };
        default:
          return reference(store, type, value);
      }
    });
  }

  function reference(store, type, value) {
    if (value === null && family(type) === "funcref") return { null: "func" };
    if (value === null && family(type) === "externref") return { null: "extern" };
    if (value === null && family(type) === "anyref") return { null: "any" };
    if (typeof value === "number" && family(type) === "anyref") return { i31: value & 0x7fffffff };
    if (typeof value === "function") return { func: store.references.functionNumber(value) };
    if (value !== null && typeof value === "object" && store.references.externs.get(value.extern) === value) {
      return { [family(type) === "anyref" ? "host" : "extern"]: value.extern };
    }
    // JavaScript does not tell a structure from an array.
    throw failed("unsupported", `the adapter has no words for a value of the type ${type}`);
  }

  // The results of a call, which JavaScript gives as nothing, a value or a list.
  function resultList(types, result) {
    const count = lowered(types).length;
    return count === 0 ? [] : count === 1 ? [result] : [...result];
  }

  // ---------------------------------------------------------------- errors

  const engine = platform();
  const LONGEST_TRACE = 1000000;
  // A host function in a deep recursion would otherwise write down the whole stack at each level.
  const LONGEST_HOST_TRACE = 200;
  Error.stackTraceLimit = LONGEST_TRACE;
  if (engine.withoutNames) {
    Error.prepareStackTrace = (_, sites) => sites.map((site) => site.getFunctionName() || "").join("\n");
  }

  // The frames of an error; nothing where the engine may have cut them.
  function framesOf(error) {
    const lines = String(error.stack).split(engine.between || "\n").filter((line) => line !== "");
    if (engine.mostFrames && lines.length >= engine.mostFrames) return undefined;
    const frames = [];
    for (const line of lines) {
      const frame = engine.frame(line);
      if (frame && frame.module !== THUNK) frames.push(frame);
    }
    return frames;
  }

  function hostFrames() {
    Error.stackTraceLimit = LONGEST_HOST_TRACE;
    const error = new Error();
    const frames = framesOf(error);
    Error.stackTraceLimit = LONGEST_TRACE;
    return String(error.stack).split("\n").length < LONGEST_HOST_TRACE ? frames : undefined;
  }

  function answerTo(error) {
    if (error instanceof Stop) return error.answer;
    if (stopped.answer) return stopped.answer;
    const message = String(error && error.message).replace(/^WebAssembly\.Instance\(\): /, "");
    if (engine.stackOverflow.test(message)) return { trap: { kinds: ["stack-overflow"], message } };
    const fail = (reason) => ({ failed: { reason, message: `${error && error.name}: ${message}` } });
    const known = engine.texts.find(([pattern]) => pattern.test(message));
    if (error instanceof WebAssembly.RuntimeError) {
      if (!known && engine.resource.test(message)) return fail("resource");
      return { trap: { kinds: known ? known[1] : ["other"], message, frames: framesOf(error) } };
    }
    if (error instanceof WebAssembly.LinkError) {
      // Older engines say of a segment that does not fit that the module does not link.
      if (known) return { trap: { kinds: known[1], message, frames: [] } };
      return { failed: { reason: "link", message: `incompatible import type: ${message}` } };
    }
    // What the exception carries would cross as JavaScript's numbers.
    if (WebAssembly.Exception && error instanceof WebAssembly.Exception) return { exception: {} };
    if (error instanceof RangeError || engine.resource.test(message)) return fail("resource");
    return fail("internal");
  }

  // ---------------------------------------------------------------- requests

  let store = null;
  let calls = [];
  // The answer that a host function wants, once it has stopped WebAssembly by a trap.
  const stopped = { answer: null, trap: null };

  function instanceOf({ instance }) {
    const known = store.instances.get(instance);
    if (!known) throw failed("usage", `there is no instance ${instance}`);
    return known;
  }

  function exportOf(request, name, kind) {
    const { instance, exports } = instanceOf(request);
    const item = exports.get(name);
    if (!item || item.kind !== kind) throw failed("usage", `there is no exported ${kind} ${JSON.stringify(name)}`);
    const value = instance.exports[name];
    if (value === undefined) throw failed("internal", `the engine does not show the export ${JSON.stringify(name)}`);
    return { value, type: item.type };
  }

  // Calls a WebAssembly function with JavaScript values of the lowered types.
  function call(func, type, values) {
    if (foreign(type)) throw failed("unsupported", "the function has parameters or results of a type without words");
    if (hidden(type) && nameless(type)) throw failed("unsupported", "no thunk can have the function's type");
    if (!hidden(type)) return resultList(type.results, func(...values));
    let through = store.thunks.get(func);
    if (!through) store.thunks.set(func, (through = thunk(type, false, func)));
    return resultList(type.results, through(...values));
  }

  // The number of a table's or memory's index, whose type JavaScript shows.
  const indexOf = (flags, index) => (flags & 4 ? BigInt(index) : index);

  function readGlobal({ value, type }) {
    if (type.type in WAYS) {
      const result = globalReader(type, value)();
      return raiseValues(store, [type.type], resultList([type.type], result))[0];
    }
    return raiseValues(store, [type.type], [value.value])[0];
  }

  function memoryState(memory) {
    const STRETCH = 4096, SHOWN = 1 << 24;
    const buffer = memory.buffer;
    const shown = Math.min(buffer.byteLength, SHOWN);
    const stretches = [];
    for (let start = 0; start < shown; start += STRETCH) {
      const length = Math.min(STRETCH, shown - start);
      const bytes = new Uint8Array(buffer, start, length);
      const nonzero = length % 8 === 0 ? new Float64Array(buffer, start, length / 8) : bytes;
      // Minus zero and NaN are no zeros: `Object.is` tells all bits apart that matter here.
      if (nonzero.some((value) => !Object.is(value, 0))) stretches.push([start / STRETCH, toBase64(bytes)]);
    }
    return { length: buffer.byteLength, stretches };
  }

  function tableState({ value: table, type }) {
    const length = Number(table.length);
    const elements = [];
    for (let index = 0; index < Math.min(length, 1 << 16); index++) {
      const element = table.get(indexOf(type.flags, index));
      if (element !== null) elements.push([index, reference(store, type.type, element)]);
    }
    return { length, elements };
  }

  // Stops WebAssembly. It could catch what JavaScript throws, so it is a trap that stops it.
  function stop(reason, message) {
    if (!stopped.trap) stopped.trap = trapping();
    stopped.answer = { failed: { reason, message } };
    stopped.trap();
  }

  function trapping() {
    const body = [0, 0, 0x0b];
    const module = binary(
      section(1, list([[0x60, 0, 0]])),
      section(3, list([[0]])),
      section(7, list([text("f").concat(0, 0)])),
      section(10, list([leb(body.length).concat(body)])),
      named(),
    );
    return new WebAssembly.Instance(new WebAssembly.Module(module)).exports.f;
  }

  function hostFunction({ module, name, params, results, behaviour }) {
    const returned = behaviour.return && lowerValues(store, results, behaviour.return);
    const host = (...values) => {
      const call = { module, name, arguments: raiseValues(store, params, values) };
      const frames = hostFrames();
      if (frames) call.frames = frames;
      calls.push(call);
      if (returned) return returned.length <= 1 ? returned[0] : returned;
      if (behaviour.fail !== undefined) stop("host", behaviour.fail);
      if (behaviour.panic !== undefined) stop("panic", behaviour.panic);
      return callBack(params, results, values);
    };
    return thunk({ params, results }, true, host);
  }

  function callBack(params, results, [callee, ...values]) {
    if (callee === null) stop("host", "the host was given no function to call");
    const list = call(callee, { params: params.slice(1), results }, values);
    return list.length <= 1 ? list[0] : list;
  }

  function importsOf(module) {
    const imports = {};
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      const value = store.registered.get(from) && store.registered.get(from).get(name);
      if (value === undefined) throw failed("link", `unknown import ${from}.${name}`);
      imports[from] = imports[from] || Object.create(null);
      imports[from][name] = value;
    }
    return imports;
  }

  function makeImportable(module, name, value) {
    if (!store.registered.has(module)) store.registered.set(module, new Map());
    store.registered.get(module).set(name, value);
  }

  const serve = {
    hello() {
      const { engine: name, version, tells } = engine;
      return { hello: { protocol: 1, engine: name, version, features: features(), fixed_features: true, tells } };
    },

    reset() {
      store = {
        modules: new Map(),
        instances: new Map(),
        registered: new Map(),
        references: new References(),
        thunks: new WeakMap(),
      };
      return { done: {} };
    },

    define({ functions }) {
      for (const func of functions) makeImportable(func.module, func.name, hostFunction(func));
      return { done: {} };
    },

    load({ module, binary: text }) {
      const bytes = fromBase64(text);
      let compiled;
      try {
        compiled = new WebAssembly.Module(engine.withoutNames ? stripNames(bytes) : bytes);
      } catch (error) {
        const message = String(error.message);
        const rejected = error instanceof WebAssembly.CompileError;
        return { refused: { phase: rejected ? "rejected" : "internal", message } };
      }
      store.modules.set(module, { compiled, exports: exportsOf(bytes) });
      return { done: {} };
    },

    instantiate({ module, instance }) {
      const known = store.modules.get(module);
      if (!known) throw failed("usage", `there is no module ${module}`);
      const made = new WebAssembly.Instance(known.compiled, importsOf(known.compiled));
      store.instances.set(instance, { instance: made, exports: known.exports });
      return { done: {} };
    },

    register(request) {
      const { instance } = instanceOf(request);
      for (const name of Object.keys(instance.exports)) makeImportable(request.name, name, instance.exports[name]);
      return { done: {} };
    },

    invoke(request) {
      const { value, type } = exportOf(request, request.function, "func");
      const list = call(value, type, lowerValues(store, type.params, request.arguments));
      return { values: raiseValues(store, type.results, list) };
    },

    get(request) {
      return { values: [readGlobal(exportOf(request, request.global, "global"))] };
    },

    state(request) {
      const list = [];
      for (const [name, { kind }] of instanceOf(request).exports) {
        if (kind === "global") list.push({ name, global: readGlobal(exportOf(request, name, kind)) });
        else if (kind === "memory") list.push({ name, memory: memoryState(exportOf(request, name, kind).value) });
        else if (kind === "table") list.push({ name, table: tableState(exportOf(request, name, kind)) });
      }
      return { exports: list };
    },

    read(request) {
      const { offset, length, memory } = request;
      const { buffer } = exportOf(request, memory, "memory").value;
      if (offset + length > buffer.byteLength) throw failed("usage", "the range lies outside the memory");
      return { bytes: toBase64(new Uint8Array(buffer, offset, length)) };
    },
  };

  function reply({ id, ...ask }) {
    const [what] = Object.keys(ask);
    calls = [];
    stopped.answer = null;
    let answer;
    try {
      answer = what in serve ? serve[what](ask[what]) : { failed: { reason: "unsupported", message: `${what}?` } };
    } catch (error) {
      answer = answerTo(error);
    }
    return calls.length === 0 ? { id, ...answer } : { id, calls, ...answer };
  }

  function ascii(line) {
    return line.replace(/[\u0080-\uffff]/g, (unit) => "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0"));
  }

  for (let line = engine.readLine(); line !== null; line = engine.readLine()) {
    engine.writeLine(ascii(JSON.stringify(reply(JSON.parse(line)))));
  }
})();
